"""Gives a study's doses to whoever asks, in the form of a standard: decided on, and on record."""

from domain.actors import Caller
from krypton.bootstrap import Krypton
from krypton.faces.dose.standards.fhir import Resource, bundle
from krypton.queries.person import EXPORT, dose_of


def dose_bundle_of(ours: Krypton, caller: Caller, person: str, study_uid: str) -> Resource:
    """The FHIR bundle of one study of a person. Raises as ``dose_of`` and ``bundle`` do."""
    return bundle(dose_of(ours, caller, person, task=EXPORT), study_uid)


def dose_report_of(ours: Krypton, caller: Caller, person: str, study_uid: str) -> bytes:
    """The file of its Patient Radiation Dose SR. Raises as ``dose_of``, ``sources_of`` and ``patient_dose_report``."""
    from krypton.faces.dose.standards.sr.report import patient_dose_report, reports_of
    from krypton.queries.dose_sources import sources_of

    found = dose_of(ours, caller, person, task=EXPORT)
    reports = [one for one in found["reports"] if one["study_uid"] == study_uid]
    wanted = reports_of(found, study_uid)
    sources = sources_of(ours.archive, reports, wanted) if wanted else {}
    return patient_dose_report(found, study_uid, sources, ours.ledger.clock().date())

"""Gives a study's doses to whoever asks over HTTP, in the form of a standard."""

from domain.actors import Caller
from krypton.bootstrap import Krypton
from krypton.faces.dose.standards.fhir import Resource, bundle
from krypton.queries.person import dose_of


def dose_bundle_of(ours: Krypton, caller: Caller, person: str, study_uid: str) -> Resource:
    """The FHIR bundle of one study of a person. Raises as ``dose_of`` and ``bundle`` do."""
    return bundle(dose_of(ours, caller, person, task="dose.export"), study_uid)

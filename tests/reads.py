"""Which commands and queries read personal data: one table, which two tests hold them to.

A command or query that is in neither part fails ``tests/unit/test_reads_classified.py``. What reads personal data is
asked in ``tests/integration/test_every_read.py`` as somebody who may, as somebody who may not, and without a reason.
"""

from typing import Final

PERSONAL: Final = {
    "identity.show": "identity show {person}",
    "identity.history": "identity history {person}",
    "identity.review.list": "identity review list",
    "identity.review.show": "identity review show {person} {other}",
    "record.show": "record show {person}",
    "study.show": "study show {study}",
    "study.export": "study export {study} --out {folder}",
    "dose.show": "dose show {person}",
    "dose.export": "dose export {person} {dosed} --fhir {folder}",
    "dose.study": "dose study {dosed_study}",
    "dose.alerts": "dose alerts",
    "dose.return": "dose return CHB --device Salle --act Essai --since 2026-01-01 --until 2026-12-31 --csv {folder}",
    "consent.show": "consent show {person}",
    "order.show": "order show {order}",
    "identity.search": "identity search --number {number}",
    "order.list": "order list",
    "reading.list": "reading list",
    "access.review.list": "access review list",
    "study.conflicts.list": "study conflicts list",
    "erase.status": "erase status {person}",
    "erase.lapsed": "erase lapsed",
    "erase.approve-lapsed": "erase approve-lapsed --reference list --yes",
    "audit.history": "audit history {person}",
    "audit.accesses": "audit accesses {person}",
    "audit.as-of": "audit as-of {position} {person}",
    "audit.exposure": "audit exposure {person} {other}",
    "audit.export": "audit export {person} --out {folder} --wait 0",
}
"""Each command that reads personal data, by its task, and how it is asked. The gate decides."""

_OWN = "writes what it is given, and answers with positions and ids"
_WORKS = "tells of the ledger's own works: positions, counts, digests and ids of rows"
_DIRECTORY = "public registers: establishments and professionals"
_COUNTS = "shows numbers, and names that many people have: nothing tells of a person"
_PROOFS = "hashes, signatures and positions"
_RUNS = "starts or stops programs"
NOTHING_PERSONAL: Final = {
    **dict.fromkeys(("site.list", "professional.list"), _DIRECTORY),
    **dict.fromkeys(
        ("rules.train-matching", "rules.diff", "dose.device", "dose.region", "dose.findings", "dose.map"), _COUNTS
    ),
    **dict.fromkeys(
        (
            *("site.enroll", "site.device", "site.service", "site.import"),
            *("professional.register", "professional.affiliate", "professional.suspend", "professional.import"),
            *("identity.register", "identity.import", "identity.correct", "identity.status", "identity.attach-ins"),
            *("identity.detach-ins", "identity.flag", "identity.merge", "identity.unmerge"),
            *("erase.request", "erase.approve", "erase.cancel", "erase.hold", "erase.release"),
            "erase.request-lapsed",
            *("identity.bar", "identity.unbar", "identity.review.accept", "identity.review.dismiss"),
            *("identity.review.postpone", "identity.review.assign", "identity.split"),
            *(
                "study.reassign",
                "study.withdraw",
                "study.conflicts.accept",
                "study.conflicts.dismiss",
                "dose.acknowledge",
                "dose.accept",
                "ingest",
                "rules.publish",
            ),
            *("consent.code", "consent.grant", "consent.revoke", "consent.oppose", "access.open", "access.close"),
            "access.review.done",
            *("order.place", "order.present", "order.schedule", "order.perform", "order.result", "order.cancel"),
            *("reading.request", "reading.accept", "reading.decline", "reading.report"),
        ),
        _OWN,
    ),
    **dict.fromkeys(
        (
            *("views.status", "views.rebuild", "views.diff", "views.check", "views.promote", "views.rollback"),
            *("views.drop", "dead-letters.list", "dead-letters.show", "dead-letters.replay"),
            *("rules.list", "rules.show", "topics", "wait", "policies.status", "policies.parked"),
            *("policies.retry", "policies.drop", "dose.reports", "dose.reread", "archive.check"),
        ),
        _WORKS,
    ),
    **dict.fromkeys(
        ("audit.verify", "audit.checkpoint", "audit.prove", "audit.check-proof", "audit.cosign"),
        _PROOFS,
    ),
    **dict.fromkeys(
        (
            *(
                "init",
                "run",
                "relay",
                "worker",
                "dicom.serve",
                "archive.run",
                "serve.registry",
                "serve.notary",
                "serve.hl7",
                "serve.web",
                "serve.health",
            ),
            *("dev.up", "dev.down", "dev.status", "dev.tool", "dev.samples", "dev.sign-in", "dev.reset"),
            "policies.run",
            *("subscriber.add", "subscriber.list", "subscriber.remove"),
            "viewer.fetch",
        ),
        _RUNS,
    ),
    "events": "what is on Kafka, for operators: sealed fields stay sealed",
    "restore.event-store": "copies stored bytes, and shows none",
    "restore.decision-tables": "makes tables of ids again, and shows none",
    "republish": "copies stored bytes, and shows none",
    "vault.status": "names of master keys, and how many keys each wraps",
    "vault.rewrap": "wraps keys again, and shows none",
    "health": "counts and ages, and ids of topics and views",
    "recover": "copies stored bytes and builds views from them, and shows none",
}
"""Each other command, and why it shows nothing personal."""

ASKS_THE_GATE: Final = {
    *(
        "studies.whole_study",
        "studies.study_of",
        "takeaway.study_files",
        "glance.glance_of",
        "study_search.studies_found",
        "person.identity_of",
        "person.history_of",
        "person.record_of",
        "person.order_of",
        "person.dose_of",
        "study_doses.study_dose_of",
        "study_doses.doubted_of",
    ),
    *(
        "person.consents_of",
        "worklists.listed",
        "review.pairs_to_review",
        "review.pair_to_review",
        "worklists.alerts_of",
        "dose_return.return_of",
    ),
    *("worklists.emergencies_to_review", "worklists.orders_of", "worklists.readings_of"),
    *("worklists.people_found", "conflicts.conflicts_of", "demographics.numbers_of", "demographics.people_like"),
    *("preview.preview_of", "split.held_to_split", "split.preview_of_split", "split.preview_of_undo"),
}
"""Each function of ``krypton.queries`` that answers with personal data to a ``Caller``."""

ERASURES: Final = {"erasure_of", "open_erasures", "whose_is_over", "to_approve"}
"""Each function of ``krypton.erasing.shown``: they do too."""

BEHIND_THE_GATE: Final = {
    "dose_sources.sources_of": "is asked about reports that a query has answered with",
    "person.of_person": "takes the gate's Permit",
    "fed.record": "takes the Sight that a Permit holds",
    "gate.permit": "is the gate",
    "gate.decided": "is the gate",
    "gate.stands": "decides again, and reads nothing",
    "gate.again": "decides again, and reads nothing",
    "pictures.can_frame": "compares transfer syntaxes",
    "pictures.can_instance": "compares transfer syntaxes",
    "pictures.showable": "looks at an instance that was decided on",
    "pictures.representative": "chooses among instances that were decided on",
    **dict.fromkeys(
        ("report_text.is_report", "report_text.key_images", "report_text.lines"),
        "reads the document that it is given",
    ),
    "images.damaged": "says that a file cannot be read",
    "images.unpacked": "unpacks what it is given",
    "study_uids.studies_of_uid": "answers with ids, for the gate",
    "study_uids.shown_whole": "answers with ids, and takes the gate's Permit",
    "study_uids.task_of": "names a task",
    "study_uids.is_open": "looks at one study that was decided on",
    "gate.feeding_of": "answers with positions and parties, for worklists that pass the gate",
    "gate.open_accesses": "answers with ids of accesses, for the gate",
    "gate.oppositions": "answers with positions and parties, for the gate",
    "person.placed_for": "answers with an id",
    "studies.owner_of": "answers with an id",
    "conditions.of_study": "writes conditions, and reads nothing",
    "gate.open_orders": "answers with ids of orders, for the gate",
    "fed.counted": "takes the Sight that a Permit holds",
    "conditions.of_patient": "writes conditions, and reads nothing",
    **dict.fromkeys(("image_search.series_of", "image_search.instances_of"), "take a study on which a decision stands"),
    "image_search.checked_series": "looks at keys, and reads nothing",
    "image_search.checked_instances": "looks at keys, and reads nothing",
    "study_attributes.study_attributes": "writes what was found as attributes",
    "study_attributes.attribute": "writes what was found as attributes",
    "leads.to_people": "writes conditions, and reads nothing",
    "leads.to_studies": "writes conditions, and reads nothing",
    **dict.fromkeys(
        ("study_rows.people", "study_rows.found"),
        "rows for a search that passes the gate",
    ),
    "conditions.condition": "writes conditions, and reads nothing",
    "conditions.folded": "writes conditions, and reads nothing",
    "worklists.study_of_alert": "answers with an id",
    **dict.fromkeys(
        ("notices.with_persons", "notices.sides_with_persons", "notices.persons_of"),
        "ids of persons, for rows of lists and pages that pass the gate",
    ),
    **dict.fromkeys(
        ("alerts_over.with_reports", "alerts_over.without", "alerts_over.told"),
        "rows for a list that passes the gate",
    ),
    "worklists.foreseen": "decides, and reads nothing",
    "rows.as_seen": "takes the gate's decision",
    "conflicts.open_conflict": "answers with an id, and what the one who decides was shown",
    "census.practice_of": "answers with figures of groups, and with none of fewer than five persons",
    "study_doses.picked": "takes what the gate let through",
    "census.told_of": "the same",
    "region.beside": "answers with figures of three establishments, and of five persons beside those of any of them",
    "census_groups.aged": "rows for figures of groups",
    "findings.findings_of": "answers with figures of groups of thirty persons or ten children, and else with counts",
    "findings.mapping_of": "answers with what devices call things, and counts",
    "findings.suggested": "the same",
    "findings.period_of": "answers with days",
    "findings.months_of": "the same",
    "findings.rows_by_site": "rows for figures of groups, which their askers keep to enough persons",
    "rule_changes.changed_by": "answers with figures of groups, and with none of fewer than five persons",
    "comparing.comparison_by": "answers with rules",
    "reports.problems": "answers with ids, sites and what was not understood, for operators",
    "events.published": "leaves sealed what is sealed",
    **dict.fromkeys(("doses.asked_of", "doses.pregnancies"), "take the Sight that a Permit holds"),
    **dict.fromkeys(("doses.factors_of", "comparing.comparison"), "rules"),
}
"""Each other function of ``krypton.queries``, and why it asks for nothing."""

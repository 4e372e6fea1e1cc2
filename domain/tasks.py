"""Tasks: everything that can be asked of the ledger, by name, and the roles allowed to ask it (W2).

A task is named ``<group>.<command>``, as the command line names it; other faces ask for the same tasks. A role says
who may ask at all: whether this caller may read about this person is decided by the gate of ``krypton.queries``.

Professionals read records and doses under an open access, place orders and report readings. Patients see their own
record and rule over their consents, codes and accesses. Clerks (front desk, identity vigilance) say who is who and take
consents; they read no clinical content. Operators run the ledger and read no one's record. Auditors ask who did what.
Services are programs that write what their adapters take in; a hospital's own system asks who its patients are, and for
their studies.
"""

from collections.abc import Mapping
from typing import Final

from domain.actors import Role
from domain.errors import NotForRole

PROFESSIONAL: Final = frozenset({Role.PROFESSIONAL})
PATIENT: Final = frozenset({Role.PATIENT})
CLERK: Final = frozenset({Role.CLERK})
OPERATOR: Final = frozenset({Role.OPERATOR})
AUDITOR: Final = frozenset({Role.AUDITOR})
SERVICE: Final = frozenset({Role.SERVICE})
EVERYBODY: Final = frozenset(Role)

TASKS: Final[Mapping[str, frozenset[Role]]] = {
    # The directory: no one's record
    "site.enroll": OPERATOR,
    "site.device": OPERATOR,
    "site.service": OPERATOR,
    "site.import": OPERATOR,
    "site.list": EVERYBODY,
    "professional.register": OPERATOR,
    "professional.affiliate": OPERATOR,
    "professional.suspend": OPERATOR,
    "professional.import": OPERATOR,
    "professional.list": EVERYBODY,
    # Who is who: traits, and no clinical content
    "identity.register": CLERK | SERVICE,
    "identity.import": CLERK | SERVICE,
    "identity.correct": CLERK | SERVICE,
    "identity.status": CLERK | SERVICE,
    "identity.attach-ins": CLERK | SERVICE,
    "identity.detach-ins": CLERK | SERVICE,
    "identity.flag": CLERK | SERVICE,
    "identity.merge": CLERK | SERVICE,
    "identity.unmerge": CLERK | SERVICE,
    "identity.bar": CLERK,
    "identity.unbar": CLERK,
    "identity.review.list": CLERK,
    "identity.review.show": CLERK,
    "identity.review.accept": CLERK,
    "identity.review.dismiss": CLERK,
    "identity.review.postpone": CLERK,
    "identity.review.assign": CLERK,
    "identity.split": CLERK,
    "identity.search": CLERK,
    "identity.cross-reference": SERVICE,  # a hospital's own system: which other numbers are this patient's (PIX)
    "identity.demographics": SERVICE,  # the same: who is meant (PDQ)
    "identity.show": CLERK | PROFESSIONAL | PATIENT,
    "identity.history": CLERK | PATIENT,
    # Erasures: two people decide, whoever rules on it keeps the paper; nothing is shown of the person
    "erase.request": OPERATOR | CLERK,
    "erase.approve": OPERATOR,
    "erase.cancel": OPERATOR | CLERK,
    "erase.hold": OPERATOR | CLERK,
    "erase.release": OPERATOR,
    "erase.status": OPERATOR | CLERK | AUDITOR,
    "erase.lapsed": OPERATOR,
    "erase.request-lapsed": OPERATOR,
    "erase.approve-lapsed": OPERATOR,
    # What a person's record holds
    "ingest": OPERATOR | SERVICE,
    "study.reassign": CLERK | SERVICE,  # whoever says whose a study is does not read it there
    "study.withdraw": CLERK | SERVICE,
    "study.store": SERVICE,  # a PACS or a modality sends instances over HTTP, as its AE title may over DICOM
    "study.search": PROFESSIONAL | PATIENT | SERVICE,  # of everybody of whom one may read (QIDO-RS)
    "study.show": PROFESSIONAL | PATIENT,
    "study.export": PROFESSIONAL | PATIENT,
    "study.find": SERVICE,  # an establishment's own system: which studies there are of somebody it cares for (C-FIND)
    "study.retrieve": SERVICE,  # the same: their images (C-MOVE, C-GET, priors before an appointment)
    "study.conflicts.list": CLERK,
    "study.conflicts.accept": CLERK,
    "study.conflicts.dismiss": CLERK,
    "record.show": PROFESSIONAL | PATIENT,
    "dose.show": PROFESSIONAL | PATIENT,
    "dose.export": PROFESSIONAL | PATIENT,
    "dose.study": PROFESSIONAL | PATIENT,
    "dose.alerts": PROFESSIONAL,
    "dose.return": PROFESSIONAL,  # of the establishment acted from: weights, ages and doses of a group of people
    "dose.acknowledge": PROFESSIONAL,
    "dose.accept": PROFESSIONAL,
    "dose.reread": OPERATOR,  # names of what is read otherwise: nobody's dose
    "dose.device": PROFESSIONAL | OPERATOR,  # figures of groups: nobody's dose
    "dose.region": OPERATOR,  # the same of all establishments, made again
    "dose.findings": PROFESSIONAL | OPERATOR,  # figures of groups that the law asks for: nobody's dose
    "dose.map": PROFESSIONAL | OPERATOR,  # what devices call things, and counts
    "dose.reports": OPERATOR,  # ids, and what was not understood: nobody's dose
    # The patient's side of access, also taken at a desk
    "consent.code": PATIENT | CLERK,
    "consent.grant": PATIENT | CLERK,
    "consent.revoke": PATIENT | CLERK,
    "consent.oppose": PATIENT | CLERK,
    "consent.show": PATIENT | CLERK,
    "access.open": PROFESSIONAL,
    "access.close": PROFESSIONAL,
    "access.review.list": AUDITOR,
    "access.review.done": AUDITOR,
    # Care; a service brings what a hospital's own system holds
    "order.place": PROFESSIONAL | SERVICE,
    "order.present": PROFESSIONAL | CLERK | SERVICE,
    "order.schedule": PROFESSIONAL | CLERK | SERVICE,
    "order.perform": PROFESSIONAL | SERVICE,
    "order.result": PROFESSIONAL | SERVICE,
    "order.cancel": PROFESSIONAL | SERVICE,
    "order.show": PROFESSIONAL | PATIENT,
    "order.list": PROFESSIONAL,  # of their establishment; patients see theirs in their record
    "reading.request": PROFESSIONAL | SERVICE,
    "reading.accept": PROFESSIONAL | SERVICE,
    "reading.decline": PROFESSIONAL | SERVICE,
    "reading.report": PROFESSIONAL | SERVICE,
    "reading.list": PROFESSIONAL,
    # What auditors ask, and proof that nothing was altered
    "audit.history": AUDITOR,
    "audit.accesses": AUDITOR | PATIENT,
    "audit.as-of": AUDITOR,
    "audit.exposure": AUDITOR,
    "audit.export": AUDITOR,
    "audit.verify": AUDITOR | OPERATOR,
    "audit.checkpoint": AUDITOR | OPERATOR,
    # The ledger's own works
    "events": OPERATOR | AUDITOR | SERVICE,
    "topics": OPERATOR | AUDITOR | SERVICE,
    "rules.publish": OPERATOR,
    "rules.train-matching": OPERATOR,
    "rules.list": EVERYBODY,
    "rules.show": EVERYBODY,
    "rules.diff": PROFESSIONAL | OPERATOR,  # figures of groups: nobody's dose
    "views.status": OPERATOR | AUDITOR,
    "views.rebuild": OPERATOR,
    "views.diff": OPERATOR,
    "views.check": OPERATOR | AUDITOR,
    "views.promote": OPERATOR,
    "views.rollback": OPERATOR,
    "views.drop": OPERATOR,
    "policies.status": OPERATOR | AUDITOR,
    "policies.parked": OPERATOR,
    "policies.retry": OPERATOR,
    "policies.drop": OPERATOR,
    "dead-letters.list": OPERATOR,
    "dead-letters.show": OPERATOR,
    "dead-letters.replay": OPERATOR,
    "subscriber.add": OPERATOR,
    "subscriber.list": OPERATOR,
    "subscriber.remove": OPERATOR,
    "restore.event-store": OPERATOR,
    "restore.decision-tables": OPERATOR,
    "republish": OPERATOR,
    "recover": OPERATOR,
    "vault.status": OPERATOR | AUDITOR,
    "vault.rewrap": OPERATOR,
    "archive.check": OPERATOR,  # ids, digests and counts: nobody's picture
    "health": OPERATOR,
}
"""The roles that may do each task."""

OF_A_SITE: Final = frozenset({"study.search", "study.find", "study.retrieve"})
"""Tasks in which a service asks for its establishment: whether it may is decided for each person (X20)."""

GATED: Final = frozenset(
    {
        *("identity.show", "identity.history", "identity.search", "identity.review.list", "identity.review.show"),
        *("identity.cross-reference", "identity.demographics"),
        *("access.review.list", "study.conflicts.list", "erase.status", "erase.lapsed", "erase.approve-lapsed"),
        *("record.show", "study.show", "study.export", "dose.show", "dose.study", "dose.export", "dose.alerts"),
        "dose.return",
        *OF_A_SITE,
        *("consent.show", "order.show", "order.list", "reading.list"),
        *("audit.history", "audit.accesses", "audit.as-of", "audit.exposure", "audit.export"),
    }
)
"""Tasks that read personal data. The gate refuses them, and records that it did: a face leaves the refusing to it."""


def may(role: Role, task: str) -> bool:
    """Whether callers of that role may ask for the task; a task that is not in the table is nobody's."""
    return role in TASKS.get(task, frozenset())


def check(role: Role, task: str) -> None:
    """Raises NotForRole (W2)."""
    if not may(role, task):
        raise NotForRole(f"{task.replace('.', ' ')} is not for the role {role}: it is for {who_may(task)}")


def who_may(task: str) -> str:
    """The roles that may do a task, in words."""
    return " or ".join(role for role in Role if may(role, task)) or "nobody"

"""Table definitions of the patient record view.

Times are microseconds since 1970 (UTC), but ``started_at``: text as encoded, ISO 8601.

``study`` and ``report`` are written from ``krypton.studies``, ``exam_order`` and ``reading`` from ``krypton.orders``;
they meet only when read. ``subject_id`` names the identity under whose key a row's texts are sealed: it stays,
whoever the study is reassigned to.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.ownership import written_from
from projections.engine.sealed import sealed_for, shows

TABLES = MetaData()
ID = Uuid(as_uuid=False)
OWNED = shows("SELECT o.study_id FROM {schema}.study o WHERE o.identity_id = ANY(%(erased)s::uuid[])")

STUDY = Table(
    "study",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False),
    Column("subject_id", ID),
    Column("study_uid", Text, nullable=False),
    Column("site", Text),
    Column("accession", Text, info=sealed_for("subject_id")),
    Column("started_at", Text),
    Column("modalities", JSONB, nullable=False, comment="sorted"),
    Column("description", Text, info=sealed_for("subject_id")),
    Column("series", JSONB, nullable=False, comment="series_uid → {modality, instances}"),
    Column("instances", Integer, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("received_at", BigInteger, comment="when its first batch was recorded"),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Index("study_identity", "identity_id"),
    Index("study_study_uid", "study_uid"),
    Index("study_accession", "accession"),
    Index("study_started", text('started_at COLLATE "C" DESC NULLS LAST'), "study_id"),
    info=written_from("krypton.studies") | OWNED,
)

REPORT = Table(
    "report",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("report_uid", Text, primary_key=True),
    Column("subject_id", ID, nullable=False),
    Column("kind", Text, nullable=False, comment="SR, PDF, CDA, KOS or DOSE"),
    Column("title", Text, info=sealed_for("subject_id")),
    Column("unread", Text, info=sealed_for("subject_id"), comment="of a dose report: why no dose could be read of it"),
    Column("received_at", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("report_unread", "position", postgresql_where=text("unread IS NOT NULL")),
    info=written_from("krypton.studies") | OWNED,
)

CONFLICT = Table(
    "conflict",
    TABLES,
    Column("conflict_id", ID, primary_key=True),
    Column("study_id", ID, primary_key=True),
    Column("site", Text, nullable=False, comment="that sent the second; empty for an event"),
    Column("kind", Text, nullable=False, comment="patient, traits, study, series, report, content or event"),
    Column("differing", JSONB, nullable=False, comment="keywords of the attributes that differ"),
    Column("instances", Integer, nullable=False),
    Column("uid", Text, nullable=False),
    Column("digest", Text),
    Column("other_identity_id", ID, nullable=False, comment="whose the second is, as it says"),
    Column("other_study_uid", Text, nullable=False),
    Column("found_at", BigInteger, nullable=False),
    Column("found_by", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("state", Text, nullable=False, comment="open, accepted or dismissed"),
    Column("settled_by", Text),
    Index("conflict_open", "position", postgresql_where=text("state = 'open'")),
    Index("conflict_study", "study_id"),
    info=written_from("krypton.studies"),
)

EXAM_ORDER = Table(
    "exam_order",  # ORDER is a word of SQL
    TABLES,
    Column("order_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="whose it is now; its texts are sealed under their key"),
    Column("state", Text, nullable=False, comment="as its last step: placed, presented, …, cancelled or expired"),
    Column("site", Text, comment="that placed it"),
    Column("placer_number", Text, info=sealed_for("identity_id")),
    Column("ordered_by", Text, comment="RPPS number"),
    Column("modality", Text),
    Column("act", Text, info=sealed_for("identity_id")),
    Column("question", Text, info=sealed_for("identity_id")),
    Column("urgency", Text),
    Column("accession", Text, info=sealed_for("identity_id")),
    Column("wanted_by", BigInteger),
    Column("presented_at", Text, comment="the establishment it was brought to"),
    Column("scheduled_at", Text, comment="the establishment that makes the exam"),
    Column("scheduled_for", BigInteger, comment="the appointment"),
    Column("ae_title", Text, info=sealed_for("identity_id")),
    Column("study_uid", Text),
    Column("study_id", ID),
    Column("report_uid", Text),
    Column("cancel_reason", Text, info=sealed_for("identity_id")),
    Column("pregnancy", Text, info=sealed_for("identity_id"), comment="yes, possible, no or unknown; null: nothing"),
    Column("placed_at", BigInteger),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Index("exam_order_identity", "identity_id"),
    Index("exam_order_accession", "accession"),
    Index("exam_order_site", "site", "state"),
    Index("exam_order_presented_at", "presented_at", "state"),
    Index("exam_order_scheduled_at", "scheduled_at", "state"),
    info=written_from("krypton.orders"),
)

READING = Table(
    "reading",
    TABLES,
    Column("reading_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="its texts are sealed under this identity's key"),
    Column("study_id", ID, nullable=False),
    Column("state", Text, nullable=False, comment="requested, accepted, declined or reported"),
    Column("from_site", Text),
    Column("to_site", Text),
    Column("ordinal", Integer),
    Column("question", Text, info=sealed_for("identity_id")),
    Column("due", BigInteger),
    Column("read_by", Text, comment="RPPS number of who took it, then of who signed"),
    Column("report_uid", Text),
    Column("conclusion", Text, info=sealed_for("identity_id")),
    Column("decline_reason", Text, info=sealed_for("identity_id")),
    Column("requested_at", BigInteger),
    Column("first_position", BigInteger, nullable=False),
    Column("last_position", BigInteger, nullable=False),
    Index("reading_study", "study_id"),
    Index("reading_to_site", "to_site", "state"),
    Index("reading_from_site", "from_site", "state"),
    info=written_from("krypton.orders") | OWNED,
)

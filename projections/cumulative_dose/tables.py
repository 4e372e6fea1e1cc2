"""Table definitions of the cumulative dose view.

Null is not known, never zero. Quantities carry their unit in the name.

Times of the ledger are microseconds since 1970 (UTC); clinical times are text as encoded, ISO 8601 without zone.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.ownership import written_from
from projections.engine.sealed import sealed_for, sealed_with_others, shows

TABLES = MetaData()
ID = Uuid(as_uuid=False)
NUMBER = Float(53)
WORDS = sealed_with_others("subject_id")
OWNED = shows("""SELECT latest.study_id FROM (SELECT DISTINCT ON (o.study_id) o.study_id, o.identity_id
    FROM {schema}.dose_owner o WHERE o.study_id IN (
        SELECT study_id FROM {schema}.dose_owner WHERE identity_id = ANY(%(erased)s::uuid[]))
    ORDER BY o.study_id, o.from_position DESC) latest
WHERE latest.identity_id = ANY(%(erased)s::uuid[])""")

DOSE_OWNER = Table(
    "dose_owner",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("from_position", BigInteger, primary_key=True, autoincrement=False),
    Column("identity_id", ID, nullable=False),
    Index("dose_owner_identity", "identity_id"),
    comment="Whose the study's doses are, from a ledger position on; the latest row holds. Nothing else ever moves.",
    info=written_from("krypton.doses"),
)

REPORT = Table(
    "report",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("report_uid", Text, primary_key=True),
    Column("study_uid", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("reported_at", Text),
    Column("modality", Text, nullable=False),
    Column("subject_id", ID, nullable=False, comment="the identity under whose key its words are sealed"),
    Column("device", JSONB, nullable=False),
    Column("device_words", JSONB, info=WORDS, comment="serial number and station"),
    Column("totals", JSONB, nullable=False, comment="as the report states them; never mixed with sums over exposures"),
    Column("organ_totals", JSONB, info=WORDS, comment="those that are doses of organs"),
    Column("qa", Boolean, nullable=False, comment="a test of the device, as its words have it: in no practice group"),
    Column("source", Text, nullable=False, comment="report, or image: doses of image headers"),
    Column("warnings", JSONB, comment="codes of what is to be looked at, such as a sum that differs from its total"),
    Column("patient", JSONB, info=WORDS, comment="age in days, weight, size, pregnancy, as the report states them"),
    Column("operator", Text, info=WORDS),
    Column("procedure", JSONB, info=WORDS, comment="code and meaning"),
    Column("procedure_code", Text, info=WORDS, comment="of the header"),
    Column("study_description", Text, info=WORDS),
    Column("not_understood", JSONB, info=WORDS),
    Column("implausible", JSONB, comment="totals above their bounds: they stand for nothing until accepted"),
    Column("accepted_position", BigInteger, comment="where somebody said that its implausible values are right"),
    Column("position", BigInteger, nullable=False),
    Column("superseded_by", Text),
    Column("superseded_position", BigInteger),
    Column("replaced", Boolean, nullable=False, comment="whole: of none of its exposures does the dose count any more"),
    info=written_from("krypton.doses") | OWNED,
)

EXPOSURE = Table(
    "exposure",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("report_uid", Text, primary_key=True),
    Column("irradiation_event_uid", Text, primary_key=True),
    Column("subject_id", ID, nullable=False, comment="the identity under whose key its words are sealed"),
    Column("kind", Text, nullable=False),
    Column("started_at", Text),
    Column("started_offset", Text, comment="from UTC, where the report states one: +02:00"),
    Column("modality", Text, nullable=False),
    Column("protocol", Text, info=WORDS),
    Column("target_region", Text, info=WORDS),
    Column("acquisition", Text, info=WORDS),
    Column("laterality", Text, info=WORDS),
    Column("ctdivol_mgy", NUMBER),
    Column("dlp_mgycm", NUMBER),
    Column("dap_mgycm2", NUMBER),
    Column("dose_rp_mgy", NUMBER),
    Column("agd_mgy", NUMBER),
    Column("activity_mbq", NUMBER),
    Column("phantom_cm", Integer),
    Column("side", Text, info=WORDS, comment="left, right or both, by code"),
    Column("implausible", JSONB, comment="quantities above their bounds: in no total until the report's are accepted"),
    Column("check_dlp_mgycm", NUMBER),
    Column("forward_dlp_mgycm", NUMBER),
    Column("check_ctdivol_mgy", NUMBER),
    Column("forward_ctdivol_mgy", NUMBER),
    Column("ssde_mgy", NUMBER, comment="size-specific dose estimate"),
    Column("entrance_dose_mgy", NUMBER),
    Column("organ_doses", JSONB, info=WORDS, comment="organ by code, and mGy"),
    Column("template", Text, nullable=False, comment="of DICOM PS3.16, such as 10013"),
    Column("plane", Text, comment="A, B, single or all"),
    Column("technique", JSONB, nullable=False, comment="how it was made: kvp, tube_current_ma, pitch and more"),
    Column("target_region_code", Text, info=WORDS),
    Column("acquisition_code", Text, info=WORDS),
    Column("filters", Text, info=WORDS),
    Column("radiopharmaceutical", Text, info=WORDS),
    Column("raw", JSONB, info=WORDS),
    Column("not_understood", JSONB, info=WORDS),
    Index("exposure_event", "irradiation_event_uid"),
    info=written_from("krypton.doses") | OWNED,
)

LEVEL = Table(
    "level",
    TABLES,
    Column("kind", Text, primary_key=True, comment="of the rule set: dose-alerts, per study; reference-levels"),
    Column("act", Text, primary_key=True, comment="empty: a level per study, whatever was done"),
    Column("modality", Text, primary_key=True, comment="empty, like population: whatever it is"),
    Column("population", Text, primary_key=True),
    Column("quantity", Text, primary_key=True, comment="a column of exposure, so in its unit"),
    Column("phantom_cm", Integer, primary_key=True, autoincrement=False, comment="0: whatever the phantom"),
    Column("value", NUMBER, nullable=False),
    Column("rule_version", Integer, nullable=False),
    comment="Made by the version's rules alone: what doses are compared with.",
)

ALERT = Table(
    "alert",
    TABLES,
    Column("alert_id", ID, primary_key=True),
    Column("study_id", ID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("quantity", Text, nullable=False),
    Column("value", NUMBER, nullable=False),
    Column("threshold", NUMBER, nullable=False),
    Column("report_uid", Text, nullable=False),
    Column("irradiation_event_uid", Text),
    Column("rule", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("rule_kind", Text, nullable=False, comment="exposure, study, window, skin or repeat; empty: of before"),
    Column("window_days", Integer),
    Column("studies", JSONB, nullable=False, comment="that the cause lies over; empty: its own alone"),
    Column("position", BigInteger, nullable=False),
    Column("raised_at", BigInteger, nullable=False),
    Column("withdrawn_position", BigInteger),
    Column("withdrawn_at", BigInteger),
    Column("why_withdrawn", Text, comment="a code of domain.dose_alerts.WITHDRAWN"),
    Column("acknowledged_position", BigInteger),
    Column("acknowledged_at", BigInteger),
    Column("acknowledged_by", Text),
    Column("note", Text, info=sealed_for("note_subject")),
    Column("note_subject", ID, comment="the identity under whose key the note is sealed"),
    Index("alert_study", "study_id"),
    Index(
        "alert_open",
        "position",
        postgresql_where=text("acknowledged_position IS NULL AND withdrawn_position IS NULL"),
    ),
    info=written_from("krypton.doses") | OWNED,
)

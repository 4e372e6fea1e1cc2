"""Table definitions of the practice census.

Null is not known, never zero. One row per exposure, not one per group: rows of one study lie in one partition, so a
rebuild folds partitions apart, and what supersedes, corrects, moves or erases changes the rows of its own study alone.
A quartile of a device is of its rows, which lie side by side in an index.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from projections.engine.ownership import written_from
from projections.engine.sealed import sealed_with_others, shows

TABLES = MetaData()
ID = Uuid(as_uuid=False)
NUMBER = Float(53)
WORDS = sealed_with_others("subject_id")
OWNED = shows("SELECT s.study_id FROM {schema}.study s WHERE s.identity_id = ANY(%(erased)s::uuid[])")
FROM = written_from("krypton.doses")

STUDY = Table(
    "study",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("identity_id", ID, nullable=False, comment="whose the study's doses are now"),
    Column("reports", JSONB, comment="SOP Instance UIDs of its dose reports, sorted"),
    Index("study_identity", "identity_id"),
    info=FROM,
)

REPORT = Table(
    "report",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("report_uid", Text, primary_key=True),
    Column("reported_at", Text),
    Column("source", Text, nullable=False, comment="report, or image: doses of image headers"),
    Column("qa", Boolean, nullable=False, comment="a test of the device"),
    Column("superseded", Boolean, nullable=False),
    Column("replaced", Boolean, nullable=False, comment="whole: of none of its exposures does the dose count any more"),
    Column("accepted", Boolean, nullable=False, comment="somebody said that its implausible values are right"),
    Column("events", JSONB, nullable=False, comment="its irradiation events"),
    Column("position", BigInteger, nullable=False),
    info=FROM,
)

EXPOSURE = Table(
    "exposure",
    TABLES,
    Column("study_id", ID, primary_key=True),
    Column("report_uid", Text, primary_key=True),
    Column("irradiation_event_uid", Text, primary_key=True),
    Column("counts", Boolean, nullable=False, comment="this row stands for the irradiation event; false for tests"),
    Column("accepted", Boolean, nullable=False, comment="its implausible values count"),
    Column("identity_id", ID, nullable=False, comment="whose the study is now: persons are counted, not exposures"),
    Column("subject_id", ID, nullable=False, comment="the identity under whose key its words are sealed"),
    Column("site", Text, nullable=False),
    Column("device", Text, info=WORDS, comment="model, and serial number or station"),
    Column("day", Text, comment="of the exposure, else of the report: YYYY-MM-DD"),
    Column("modality", Text, nullable=False),
    Column("marks", Text, info=WORDS, comment="what an act is known by: domain.dose_acts.Marks but the site, as JSON"),
    Column("protocol", Text, info=WORDS),
    Column("operator", Text, info=WORDS),
    Column("population", Text, info=WORDS, comment="adult or child, by the age that the report states"),
    Column("weight", Text, info=WORDS, comment="a child's band of weight"),
    Column("weight_kg", NUMBER, info=WORDS, comment="as the report states it"),
    Column("phantom_cm", Integer),
    Column("ctdivol_mgy", NUMBER),
    Column("dlp_mgycm", NUMBER),
    Column("dap_mgycm2", NUMBER),
    Column("dose_rp_mgy", NUMBER),
    Column("agd_mgy", NUMBER),
    Column("activity_mbq", NUMBER),
    Column("implausible", JSONB, comment="quantities above their bounds"),
    Index("exposure_site", "site", "device", "day", postgresql_where=text("counts")),
    info=FROM | OWNED,
)

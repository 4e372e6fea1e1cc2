"""Splink on a file of records, in an interpreter of its own: ``PYTHON splink_alone.py RECORDS PAIRS``.

RECORDS is CSV with a ``unique_id``; PAIRS gets two ids and the match weight in bits of each candidate pair. Comparisons
are those that Splink ships for names and birth dates, term frequencies for names and places; u comes from random pairs,
m from EM. It imports nothing of Krypton, which does not depend on Splink.
"""

import sys

import splink.comparison_library as compare
from splink import Linker, SettingsCreator, block_on
from splink.backends.duckdb import DuckDBAPI

COMPARED = [
    compare.NameComparison("family").configure(term_frequency_adjustments=True),
    compare.NameComparison("given").configure(term_frequency_adjustments=True),
    compare.DateOfBirthComparison("birth_date", input_is_string=True),
    compare.ExactMatch("sex"),
    compare.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
    compare.ExactMatch("ins"),
]
BLOCKED = [
    block_on("ins"),
    block_on("birth_date", "family"),
    block_on("birth_date", "given"),
    block_on("birth_date", "birth_place", "sex"),
    block_on("family", "given", "substr(birth_date, 1, 4)"),
    block_on("family", "given", "substr(birth_date, 6, 5)"),
]
LEAST_BITS = -5.0


def main(records: str, pairs: str) -> None:
    """Learn, compare and write."""
    database = DuckDBAPI()
    database.duckdb_con.execute(f"CREATE TABLE told AS SELECT * FROM read_csv('{records}', all_varchar = true)")
    rules = SettingsCreator(
        link_type="dedupe_only", comparisons=COMPARED, blocking_rules_to_generate_predictions=BLOCKED
    )
    linker = Linker(database.register("told"), rules)
    same = [block_on("ins"), block_on("family", "given", "birth_date")]
    linker.training.estimate_probability_two_random_records_match(same, recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=5e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("birth_date"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("family", "given"))
    found = linker.inference.predict(threshold_match_weight=LEAST_BITS)
    shown = f"SELECT unique_id_l, unique_id_r, match_weight FROM {found.physical_name}"
    database.duckdb_con.execute(f"COPY ({shown}) TO '{pairs}' (HEADER)")


if __name__ == "__main__":
    main(*sys.argv[1:])

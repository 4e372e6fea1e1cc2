"""What a report states of all its events together: each quantity over the planes that state it, and once."""

from tests.unit.test_dose_report import GY_M2, Dataset, coded, item, number, read


def of_plane(plane: str, *totals: Dataset) -> Dataset:
    """Accumulated dose of one plane, or of all."""
    return item("113702", "CONTAINER", coded("113764", plane), *totals)


def test_all_planes_stand_for_the_others_only_in_what_they_state() -> None:
    """Many biplane rooms state the DAP of all planes, and the dose at the reference point of each."""
    found = read(
        of_plane("113890", number("113722", "3e-3", GY_M2)),
        of_plane("113620", number("113725", "0.9", "Gy"), number("113722", "1e-3", GY_M2)),
        of_plane("113621", number("113725", "1.8", "Gy"), number("113722", "2e-3", GY_M2)),
    )
    assert found.report_totals == {"dap_mgycm2": 30_000.0, "dose_rp_mgy": 2_700.0}

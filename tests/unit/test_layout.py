"""Rows on a line of some width: no word is torn, no column squeezed, nothing drawn around them."""

from textwrap import wrap

from hypothesis import given
from hypothesis import strategies as st

from krypton.cli.layout import ONE_WORD, blocks, columns

UUID = "14932e0c-67e3-5466-b5f5-c73a10896340"
WORDS = st.text(st.sampled_from("abcé–-"), min_size=1, max_size=12)
CELLS = st.lists(WORDS, max_size=5).map(" ".join)
TABLES = st.integers(1, 5).flatmap(
    lambda wide: st.lists(st.lists(CELLS, min_size=wide, max_size=wide), min_size=1, max_size=4)
)


def test_rows_that_fit_stand_side_by_side_and_numbers_are_flushed_right() -> None:
    assert columns(["view", "lag"], [["patient_record", "7"], ["dose", "120"]], 80, [False, True]) == [
        "view            lag",
        "patient_record    7",
        "dose            120",
    ]


def test_a_long_text_is_wrapped_between_words_and_the_other_columns_keep_their_width() -> None:
    assert columns(["site", "question"], [["CHB", "is there a lung embolism"]], 22) == [
        "site  question",
        "CHB   is there a lung",
        "      embolism",
    ]


def test_where_a_word_would_be_torn_each_row_is_a_block() -> None:
    heads, rows = ["alert", "study"], [[UUID, UUID], [UUID, "–"]]
    assert columns(heads, rows, 70) is None
    assert blocks(heads, rows, 70) == [f"alert  {UUID}", f"study  {UUID}", "", f"alert  {UUID}", "study  –"]


@given(TABLES, st.integers(20, 100))
def test_every_word_is_whole_in_both_layouts_and_columns_stay_on_the_line(rows: list[list[str]], width: int) -> None:
    heads = [f"h{place}" for place in range(len(rows[0]))]
    words = sorted(word for row in rows for cell in row for word in cell.split())
    said = columns(heads, rows, width)
    if said is not None:
        assert max(map(len, said)) <= width
        assert sorted(word for line in said[1:] for word in line.split()) == words
    apart = blocks(heads, rows, width)
    assert sorted(word for line in apart for word in line.split() if word not in heads) == words


def test_a_value_too_long_for_its_line_goes_on_below_itself() -> None:
    text = "words " * 30
    lines = blocks(["note"], [[text.strip()]], 40)
    assert lines == [f"{'note' if place == 0 else '':6}{part}" for place, part in enumerate(wrap(text.strip(), 34))]


def test_a_column_in_which_nothing_stands_takes_no_room_and_breaks_nothing() -> None:
    assert columns(["", "name"], [["", "FICTIVE"]], 80) == ["  name", "  FICTIVE"]


def test_what_is_held_together_stands_on_one_line_with_a_plain_space() -> None:
    cell = f"DLP{ONE_WORD}60.17, CT"
    assert columns(["totals"], [[cell]], 10) == ["totals", "DLP 60.17,", "CT"]
    assert columns(["totals"], [[cell]], 9) is None

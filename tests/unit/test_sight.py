"""What of a record one reader sees."""

import pytest

from domain.sight import ALL, Exclusions, Opposition, Sight


class TestExclusions:
    """As a consent states them."""

    def test_a_study_an_author_and_a_period(self) -> None:
        said = Exclusions.of(["study:1.2.3", "author:rpps:10101201233", "period:2026-01-01/2026-01-31"])
        assert said.study("1.2.3", None)
        assert said.study("9", "2026-01-31T23:59:59")
        assert not said.study("9", "2026-02-01T00:00:00")
        assert said.author("10101201233")
        assert not said.author(None)

    @pytest.mark.parametrize("date", [None, "", "2026", "2026-02", "no date"])
    def test_what_cannot_be_dated_may_be_of_any_period(self, date: str | None) -> None:
        """A view may not know the study yet: it is left out, rather than shown by chance."""
        assert Exclusions.of(["period:2026-01-01/2026-01-31"]).study("9", date)
        assert not Exclusions.of(["study:1.2.3"]).study("9", date)

    def test_a_study_without_a_uid_may_be_any(self) -> None:
        assert Exclusions.of(["study:1.2.3"]).study(None, "2026-02-01")
        assert not Exclusions.of(["author:rpps:10101201233"]).study(None, "2026-02-01")

    def test_nothing_stated_leaves_out_nothing(self) -> None:
        assert Exclusions.of([]) == ALL.exclusions


class TestWithheld:
    """What came in against an opposition to feeding."""

    @pytest.mark.parametrize(
        ("party", "arrived", "sites", "author", "withheld"),
        [
            ("everyone", 11, ["CHB"], None, True),
            ("everyone", 10, ["CHB"], None, False),
            ("everyone", 9, ["CHB"], None, False),
            ("site:CHB", 11, ["CHB"], None, True),
            ("site:CHB", 11, ["CHP"], None, False),
            ("rpps:1", 11, ["CHB"], "1", True),
            ("rpps:1", 11, ["CHB"], "2", False),
            ("rpps:1", 11, ["CHB"], None, False),
        ],
    )
    def test_what_came_in_later_from_whom_it_names(
        self, party: str, arrived: int, sites: list[str], author: str | None, withheld: bool
    ) -> None:
        sight = Sight(oppositions=(Opposition(10, party),))
        assert sight.withholds(arrived, sites, author) is withheld

    def test_its_producing_site_sees_it(self) -> None:
        opposed = (Opposition(10, "everyone"),)
        assert not Sight(oppositions=opposed, site="CHB").withholds(11, ["CHB"])
        assert Sight(oppositions=opposed, site="CHP").withholds(11, ["CHB"])

    def test_what_no_site_made_is_nobodys(self) -> None:
        assert Sight(oppositions=(Opposition(10, "everyone"),)).withholds(11, [None])

    def test_only_those_who_may_know_are_told_how_much(self) -> None:
        assert Sight(counts=True).withheld(2) == {"withheld": 2}
        assert Sight().withheld(2) == {}

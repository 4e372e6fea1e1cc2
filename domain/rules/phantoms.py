"""Words that tell a test of a device from an exam of a person, as a rule document: for all sites, or for one.

The reader of dose reports knows common words, in names and ids too. What a site calls its phantoms and its quality
control it publishes here. A word is found where no letter or digit touches it, in whatever case and with or without
accents; an underscore parts words as a blank does. Words for a protocol tell only if each protocol of the report has
one: a test among exposures of a person hides none of theirs. A test of a device is in no practice group, and in totals
and alerts all the same.
No view is made with it: the version published last, of those whose day has come, is in force; before, there are none.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from domain.dose_acts import folded
from domain.rules.place import Checks, Place

PROTOCOL, DESCRIPTION, STATION = "protocol", "description", "station"
WHERE: Final = (PROTOCOL, DESCRIPTION, STATION)


@dataclass(frozen=True)
class PhantomWord:
    """One word, and where it tells of a test. ``site``: of that establishment alone; None: of all."""

    word: str
    where: str
    site: str | None = None

    def is_in(self, text: str) -> bool:
        """Whether a text has it."""
        word, said = (folded(one.replace("_", " ")) for one in (self.word, text))
        return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said) is not None


@dataclass(frozen=True)
class PhantomWords:
    """The words of one version; version 0, without words, where none are in force."""

    version: int = 0
    words: tuple[PhantomWord, ...] = ()

    def tell(self, site: str, protocols: Iterable[str | None], **texts: str | None) -> bool:
        """Whether a report is of a test. ``protocols``: of its exposures; ``texts``: description and station."""
        ours = [one for one in self.words if one.site in (None, site)]
        known = [text for text in protocols if text]
        of_protocols = [one for one in ours if one.where == PROTOCOL]
        if known and all(any(one.is_in(text) for one in of_protocols) for text in known):
            return True
        return any(one.is_in(text) for one in ours if one.where != PROTOCOL and (text := texts.get(one.where)))


def check(body: Place) -> None:
    """Raises G7 to G16, with the path of each error."""
    with Checks() as checks:
        for one in checks.fields(body, ("words",))["words"].items():
            checks(partial(_check_word, one))


def _check_word(one: Place) -> None:
    with Checks() as checks:
        parts = checks.fields(one, ("word", "in"), ("site",))
        checks(parts["word"].text)
        checks(partial(parts["in"].one_of, WHERE))
        if site := parts.get("site"):
            checks(site.text)


def build(version: int, body: Mapping[str, Any]) -> PhantomWords:
    """The words of a published body, which was checked then."""
    return PhantomWords(version, tuple(PhantomWord(one["word"], one["in"], one.get("site")) for one in body["words"]))

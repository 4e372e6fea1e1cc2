"""Links to the viewer in memory, as ``adapters.web_sessions.viewings`` keeps them in PostgreSQL."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from adapters.web_sessions.viewings import Asked, Opened, Viewing


class Viewings:
    """A session's hash is its id here."""

    def __init__(self) -> None:
        self.waiting: dict[str, Asked] = {}
        self.opened: dict[str, Viewing] = {}

    def ask(self, **stated: Any) -> str:
        """See ``krypton.faces.viewer.ports``, and so do all below."""
        token = f"{'t' * 40}{len(self.waiting) + len(self.opened):03}"
        self.waiting[token] = Asked(**stated)
        return token

    def open(self, token: str, session: str | None) -> Opened | None:
        asked = self.waiting.pop(token, None)
        if asked is None or asked.session not in (None, (session or "").encode()):
            return None
        made = Viewing(uuid4(), asked, live=True)
        secret = f"{'s' * 40}{len(self.opened):03}"
        self.opened[secret] = made
        return Opened(made.id, asked.study_uid, secret)

    def of(self, secret: str, session: str | None, *, using: bool = True) -> Viewing | None:
        assert using in (True, False)
        found = self.opened.get(secret)
        if found and found.asked.session not in (None, (session or "").encode()):
            return replace(found, live=False)
        return found

    def end(self, id: UUID) -> None:
        """As time does."""
        for secret, one in self.opened.items():
            if one.id == id:
                self.opened[secret] = replace(one, live=False)

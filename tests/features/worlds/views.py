"""What `then` steps may ask: the questions that users put to the views, with the same words in the answers."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

Document = Mapping[str, Any]


class Views(Protocol):
    """The four views as of the last command. Whatever is asked about an identity is answered for its whole person.

    Answers have at least the keys that are named here, as ``krypton.queries.person`` and the command line have them.
    """

    def identity(self, identity: UUID) -> Document:
        """``assigner``, ``local_id``, ``traits``, ``status``, ``flags``; ``members``, each with its ``identity``."""

    def history(self, identity: UUID) -> Sequence[Document]:
        """Per statement ``type``, ``actor``, ``recorded_at``, ``reason``, ``rule``, ``identities``; in ledger order."""

    def review(self) -> Sequence[frozenset[str]]:
        """The pairs that wait for a human, and the identities that wait alone."""

    def search(self, criteria: Mapping[str, str]) -> Sequence[str]:
        """The identities that meet all criteria, as ``projections.identity_index.search`` has them."""

    def record(self, identity: UUID) -> Document:
        """``studies``: ``study``, ``identity``, ``instances``, ``readings`` (each with its ``reading`` and ``state``).

        ``withdrawn``: how many studies are not shown.
        """

    def conflicts(self) -> Sequence[Document]:
        """Open conflicts of all studies: ``conflict``, ``study``, ``kind``, ``differing``, ``instances``."""

    def order(self, order: UUID) -> Document:
        """``identity``, ``question``, ``state``, ``presented_at``, ``scheduled_at``, ``study_uid``, ``report_uid``."""

    def dose(self, identity: UUID) -> Document:
        """``totals`` by quantity; ``exposures``; ``reports``: ``report_uid``, ``superseded_by``, ``disagrees``;
        ``conflicts``; ``alerts``: ``alert``, ``study``, ``acknowledged_by``.
        """

    def accesses(self, identity: UUID) -> Sequence[Document]:
        """``access``, ``decision``, ``ground``, ``rule``, ``site``, ``rpps``, ``opened_at``, ``expires_at``."""

    def consents(self, identity: UUID) -> Document:
        """``statements``: ``kind``, ``scope``, ``party``, ``state``, ``exclusions``; and their ``standing``."""

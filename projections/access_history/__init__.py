"""Who asked for whose record, what was decided and why; and what persons have said of sharing."""

from projections.access_history.view import AccessHistory

__all__ = ["AccessHistory"]

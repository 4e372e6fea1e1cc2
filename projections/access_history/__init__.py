"""Who asked for whose record, what was decided and why; and what persons have said of sharing."""

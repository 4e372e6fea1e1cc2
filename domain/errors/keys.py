"""The refusal about keys of subjects (K)."""

from domain.errors.refusal import RuleBroken


class KeyMissing(RuleBroken):
    """The vault lacks the key of a subject of whom the ledger has sealed events already: no second one is made."""

    rule = "K1"

    @classmethod
    def of(cls, subject: object) -> "KeyMissing":
        """The refusal to seal for this subject."""
        return cls(
            f"the vault has no key for {subject}, of whom the ledger has sealed events: the vault is older than the "
            "ledger; bring back its newest backup, krypton audit verify names who has no key"
        )

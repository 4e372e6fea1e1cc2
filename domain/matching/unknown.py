"""Tells what an assigner writes where a trait is not known: INCONNU, X, BÉBÉ, 1900-01-01, 99999.

Two records that both say INCONNU agree in nothing, so a placeholder counts as not known: no key, no comparison.
Words are folded (``domain.matching.folding``).
"""

from typing import Final

SAID_FOR_NO_NAME: Final = """
INCONNU INCONNUE INCONU INC ANONYME ANONYMOUS NONRENSEIGNE NONRENSEIGNEE NONCONNU NONCONNUE NONCOMMUNIQUE
NONIDENTIFIE NONIDENTIFIEE NR NC NP NA NSP ND NULL NONE UNKNOWN SANSNOM SANSPRENOM AUCUN PASDENOM PASDEPRENOM
INDETERMINE NOM PRENOM
"""
SAID_FOR_A_NEWBORN: Final = "BEBE BB NOUVEAUNE NOUVEAU NNE ENFANT FOETUS JUMEAU JUMELLE GARCON FILLE BABY"
ANY_NAME: Final = frozenset(SAID_FOR_NO_NAME.split())
FAMILIES_TOO: Final = frozenset({"SANS", "PATIENT"})
"""Some write them for no name, and families have them: as a family name they say nothing beside no given name, as a
used name nothing at all."""
NEWBORN: Final = frozenset(SAID_FOR_A_NEWBORN.split())
"""Before a newborn has a given name. As a family name only where a word follows: BÉBÉ DE …."""
DATES: Final = frozenset({"1900-01-01", "1901-01-01", "1800-01-01", "1850-01-01", "1111-11-11", "9999-12-31"})
PLACES: Final = frozenset({"99999", "00000", "99000", "99998"})


def no_name(words: tuple[str, ...]) -> bool:
    """Whether a family or used name says nothing."""
    joined = "".join(words)
    if not joined or joined in ANY_NAME or not joined.strip("X"):
        return True
    return words[0] in ("BEBE", "BB") or joined in ("BEBE", "BB", "NOUVEAUNE")


def no_given_name(words: tuple[str, ...]) -> bool:
    """Whether a given name says nothing. A newborn's is not known yet."""
    joined = "".join(words)
    if not joined or joined in ANY_NAME or joined in FAMILIES_TOO or not joined.strip("X"):
        return True
    return words[0] in NEWBORN or joined in NEWBORN

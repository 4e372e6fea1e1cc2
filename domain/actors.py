"""Actor: who asked. Every event of a command says it in clear, on every topic and for ever.

W1  An actor is a pseudonymous id with its scheme, never a name: ``rpps:`` and a number, ``aet:`` and an AE title, or
    ``system:`` and a program's name of up to 64 letters, digits and ``. _ -``.
"""

import re

from domain.errors import BadActor

_ACTOR = re.compile(
    r"rpps:[0-9]{1,11}"
    r"|aet:[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?"  # as an establishment registers it (E4)
    r"|system:[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
)


def actor(stated: str) -> str:
    """The actor as stated. Raises BadActor (W1), which repeats nothing of it: it may be a name."""
    if not _ACTOR.fullmatch(stated):
        raise BadActor(
            "who asks is no id with its scheme: write rpps: and the number, aet: and an AE title, or system: and a "
            "program's name, without spaces"
        )
    return stated

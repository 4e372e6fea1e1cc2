"""The matching engine: how far two local identities agree, and what that is worth.

Pure: it looks nothing up and stores nothing. Its parts, in the order in which a pair passes them: ``record`` (traits
in a comparable form), ``keys`` (which pairs are compared at all), ``agreement`` (how far each trait agrees),
``weights`` (what that is worth, in bits; ``learning`` finds it without truth), ``guards`` and ``tiers`` (merge, ask a
human, or leave).
"""

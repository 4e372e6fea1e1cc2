"""What folds a dead letter: a view, as the program knows it; or a policy, which opens nothing that is sealed."""

from krypton.bootstrap import Krypton
from krypton.policies.fold import PREFIX, PolicyFold
from policies.all import POLICIES
from projections.engine.parked import DeadLetter
from projections.engine.projection import Projection
from schemas.codec import Codec
from schemas.registry import registry
from streams.relay.outgoing import NoKeys


def folded(ours: Krypton, found: DeadLetter) -> tuple[Projection, Codec]:
    """What to fold it with. Raises NotFound, OtherCode."""
    policy = POLICIES.get(found.view.removeprefix(PREFIX)) if found.view.startswith(PREFIX) else None
    if policy is not None:
        return PolicyFold(policy), Codec(registry(), NoKeys())
    return ours.folding(found.view, found.version), ours.codec

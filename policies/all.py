"""The list of all policies by name: the one place where a policy is declared."""

from collections.abc import Mapping
from typing import Final

from policies.alerts import Alerts
from policies.emergency import Emergency
from policies.erasure import Erasing
from policies.expiry import Expiry
from policies.matching import Matching
from policies.policy import Policy
from policies.priors import Priors
from policies.sharing import Sharing

POLICIES: Final[Mapping[str, Policy]] = {
    policy.name: policy for policy in (Matching(), Expiry(), Emergency(), Sharing(), Erasing(), Priors(), Alerts())
}

"""Every policy of this program, by name: the one place where a policy is declared."""

from collections.abc import Mapping
from typing import Final

from policies.matching import Matching
from policies.policy import Policy

POLICIES: Final[Mapping[str, Policy]] = {policy.name: policy for policy in (Matching(),)}

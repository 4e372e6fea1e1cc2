"""Processes that a test kills: forked from one that has loaded what they need, for loading it takes each a second.

Their environment is that of the first of them.
"""

from multiprocessing import get_context
from typing import Final

SERVER: Final = get_context("forkserver")
SERVER.set_forkserver_preload(
    [
        "tests.integration.test_erasure_followed",
        "tests.integration.test_erasure_kill",
        "tests.integration.test_policy_kill",
        "tests.integration.test_promotion_kill",
    ]
)

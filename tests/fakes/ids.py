"""The ids of ledgers in memory: made with a secret that everybody knows."""

from domain.ids import Ids

SECRET = bytes(range(32))
IDS = Ids(SECRET)

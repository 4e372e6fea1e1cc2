"""``python -m bench.linkage``: measures the matching engine on a generated French region, and prints the figures.

``--people`` 50,000 and ``--seed`` 14 by default; ``--placeless`` says when strict traits merge without a birth place.
"""

from argparse import ArgumentParser

from rich.console import Console

from bench.linkage.french import run
from domain.matching.tiers import Placeless, Thresholds

ask = ArgumentParser(prog="python -m bench.linkage", description=__doc__)
ask.add_argument("--people", type=int, default=50_000)
ask.add_argument("--seed", type=int, default=14)
ask.add_argument("--placeless", type=Placeless, choices=list(Placeless), default=Placeless.LISTED)
said = ask.parse_args()
for name, figure in run(said.people, said.seed, Thresholds(placeless=said.placeless)).items():
    Console().print(f"{name:36} {figure:,.6g}", highlight=False)

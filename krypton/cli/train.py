"""krypton rules train-matching: learns matching rules from the ledger's own identities, and shows what it learned."""

from pathlib import Path
from typing import Annotated, Final

import typer

from domain.matching.levels import ENUMS, FIELDS
from domain.matching.limits import Placeless
from domain.matching.model import Model
from domain.rules.place import Place
from krypton.cli.calling import OWN, As
from krypton.cli.connection import krypton
from krypton.cli.new_files import write
from krypton.cli.options import AsJson
from krypton.cli.output import document, facts, out, table

SAMPLE: Final = 300_000
BITS_PER_BLOCK: Final = 1.5
FOR, AGAINST = "█", "░"


def train_matching(
    file: Annotated[
        Path, typer.Argument(dir_okay=False, help="The rule file to write: a .json that is not there yet.")
    ],
    version: Annotated[int, typer.Option("--version", min=1, help="Of the rules.")],
    in_force_from: Annotated[str, typer.Option("--in-force-from", help="YYYY-MM-DD; today without it.")] = "",
    placeless: Annotated[
        Placeless, typer.Option("--placeless", help="When strict traits merge though a birth place is not known.")
    ] = Placeless.LISTED,
    sample: Annotated[int, typer.Option("--sample", min=1_000, help="Identities to learn from, at most.")] = SAMPLE,
    who: As = OWN,
    as_json: AsJson = False,
) -> None:
    """Learn what agreement is worth from the ledger's own identities. Publishes nothing: look at it, then publish."""
    from krypton.progress import progress
    from krypton.views.train import Wanted, train

    if file.suffix != ".json" or file.exists():
        raise typer.BadParameter("give a name that ends in .json, of a file that is not there yet", param_hint="FILE")
    ours = krypton()
    since = Place("in_force_from", in_force_from or ours.ledger.clock().date()).day()
    wanted = Wanted(version=version, in_force_from=since, sample=sample, placeless=placeless)
    with ours.snapshot() as connection, progress("identities read", None) as bar:
        found = train(connection, wanted, bar.advance)
    write(file, found.text().encode())
    if as_json:
        document(found.document | {"identities": found.identities})
        return
    out.print(f"Learned from {found.identities:,} identities. A bit doubles the odds that two are one person.")
    show_model(found.model)
    out.print(f"Written to {file}: look at it, then krypton rules publish {file}")


def show_model(model: Model) -> None:
    """What agreement is worth, the limits, and how many names are kept."""
    table(rows(model), ("trait", "level", "bits", "weight"), "What agreement is worth")
    facts(
        {
            "prior": f"{model.weights.prior:+.1f} bits",
            "merged by strict traits from": f"{model.limits.strict_bits:+.1f} bits",
            "shown to a human from": f"{model.limits.review_bits:+.1f} bits",
            "birth place may be missing": model.limits.placeless.value,
            "family names kept": len(model.family.common),
            "given names kept": len(model.given.common),
        }
    )


def rows(model: Model) -> list[dict[str, str]]:
    """One row for each level of each trait, with a bar."""
    told = []
    for place, (field, enum) in enumerate(zip(FIELDS, ENUMS, strict=True)):
        for level in filter(None, enum):
            bits = model.weights.bits[place][level]
            bar = (FOR if bits >= 0 else AGAINST) * round(abs(bits) / BITS_PER_BLOCK)
            name = level.name.lower().replace("_", " ")
            told.append({"trait": field.replace("_", " "), "level": name, "bits": f"{bits:+.1f}", "weight": bar})
    return told

"""The identity index view: local identities, statements about pairs, and who was one person when."""

from domain.rules.document import MATCHING
from projections.engine.declaration import View

VIEW = View(
    name="identity_index",
    projection="view:IdentityIndex",
    kinds=(MATCHING,),
    queries=("queries", "review", "grouping"),
    difference="difference:Persons",
    due="due:due",
    rest_s=0.02,
)

"""The access history view: requests for records and their decisions, who read what, and statements about sharing."""

from projections.engine.declaration import View

VIEW = View(
    name="access_history",
    projection="view:AccessHistory",
    queries=("queries",),
)

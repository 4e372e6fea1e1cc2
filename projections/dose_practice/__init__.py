"""The practice census: what each device gives for each act, as rows that stay current; persons resolved by queries."""

from projections.engine.declaration import View

VIEW = View(name="dose_practice", projection="view:DosePractice", queries=("queries",))

"""Reads one irradiation event of a dose report from its container: what all templates have in common.

A template says which container, which quantities, and in which parts of it a value is the event's own: a value of a
pulse, of a part, or of anything else within is not. Missing values are None, an encoded 0 is 0.0, and what cannot be
read is named in ``not_understood`` with its text in ``raw``.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from adapters.dicom.rdsr.concepts import CONCEPTS, PLANES, SIDES, TECHNIQUE, Concept
from adapters.dicom.rdsr.exposure import Exposure, derived, offset_of
from adapters.dicom.rdsr.modality import of_event
from adapters.dicom.rdsr.tree import Content, Item, Measured, Tree
from adapters.dicom.rdsr.units import NotUnderstood, canonical, tolerated
from adapters.dicom.values import is_uid, moment

SUMMED = {"exposure_mas", "exposure_time_ms", "pulses", "frames"}
"""Technique of which several values of an event add up; of the rest the mean stands for the event."""


@dataclass(frozen=True, kw_only=True)
class Template:
    """How a template (PS3.16) states an irradiation event.

    ``doses``: concepts read; ``parts``: containers in which a value is the event's own, as it is in the event's
    container itself. ``more``: further fields of the exposure, read by the template alone. ``by_source``: an event has
    a container for each source.
    """

    number: str
    kind: str
    doses: tuple[str, ...]
    parts: tuple[str, ...] = ()
    technique: tuple[str, ...] = ()
    uids: tuple[str, ...] = ("event_uid",)
    started: tuple[str, ...] = ("started",)
    acquisition: str = "event_type"
    by_source: bool = False
    more: "Callable[[Reading], dict[str, Any]]" = lambda _: {}


@dataclass
class Reading:
    """One container that is being read, and what was noted of it."""

    tree: Tree
    container: Item
    template: Template
    content: Content
    notes: list[str] = field(default_factory=list)
    raw: dict[str, str] = field(default_factory=dict)
    filtered: dict[str, float] = field(default_factory=dict)

    def dose(self, name: str) -> float | None:
        """The quantity in its canonical unit: the first item with a value; others that differ are noted."""
        concept, items = CONCEPTS[name], self.content.all(name)
        if not items:
            return None
        own = [item.number() for item in items if item.within(self.container, self.template.parts)]
        if not own:
            self.notes.append(f"{name}: stated of parts of the event alone, which were not added up")
            self.raw[name] = " + ".join(str(item.number()) for item in items)
            return None
        valued = [number for number in own if number.text]
        first = (valued or own)[0]
        self.raw[name] = str(first)
        different = len({(number.text, number.unit) for number in valued})
        if different > 1 or first.others:
            self.notes.append(f"{name}: {different + first.others} values stated, the first was kept")
        elif len(valued) > 1:
            self.tree.tolerated["value_stated_twice"] += 1
        value = self.value(name, first, concept)
        return None if value is None else float(value)

    def value(self, name: str, number: Measured, concept: Concept) -> Decimal | None:
        """A dose in its canonical unit; None where it is not known, or not understood, which is noted."""
        assert concept.dimension is not None
        try:
            value = canonical(number.text, number.unit, concept.dimension)
        except NotUnderstood as reason:
            self.notes.append(f"{name}: {reason}")
            return None
        if value is not None:
            self.tree.tolerated.update(tolerated(number.text, number.unit))
        return value

    def technique(self, names: Iterable[str]) -> dict[str, float]:
        """How the event was acquired, as far as it is stated and understood."""
        found: dict[str, float] = {}
        for name in names:
            concept = TECHNIQUE[name]
            if concept.field not in found and (items := self.content.all(name)):
                values = [value for item in items for value in self._numbers(name, item, concept)]
                if values:
                    total = sum(values)
                    found[concept.field] = total if concept.field in SUMMED else total / len(values)
        return {name: float(f"{value:.12g}") for name, value in found.items()}

    def _numbers(self, name: str, item: Item, concept: Concept) -> list[float]:
        """The values of one item: some devices write those of all pulses into one."""
        assert concept.dimension is not None
        number = item.number()
        try:
            values = [canonical(text, number.unit, concept.dimension) for text in number.text.split("\\")]
        except NotUnderstood as reason:
            self.notes.append(f"technique {name}: {reason}")
            return []
        return [float(value) for value in values if value is not None]


def read_event(
    tree: Tree,
    container: Item,
    template: Template,
    *,
    modality: str,
    study_uid: str,
    zone: str | None,
    derive: Callable[[str], str],
    others: Container[str] = (),
) -> Exposure:
    """The event in one container; where it names no UID of its own, ``derive`` makes one from its start and plane.

    Where it names a text that is no UID, one is derived from that text and the study's UID: reports that carry the
    event again name it alike. ``modality``: the report's; ``zone``: the offset from UTC of times that state none;
    ``others``: what other events within this one are called. Never raises for what a device wrote.
    """
    content = Content(own_items(container, others))
    reading = Reading(tree, container, template, content)
    doses: dict[str, Any] = {CONCEPTS[name].field: reading.dose(name) for name in template.doses}
    started, stated = _started(reading), _stated(reading)
    plane = content.key("plane")
    own = f"{template.kind}|{started}|{plane}" if started else ""
    uid, warnings = _event_uid(reading, study_uid, own, derive)
    return Exposure(
        irradiation_event_uid=uid,
        template=template.number,
        modality=of_event(stated["kind"], modality),
        started_at=started,
        started_offset=offset_of(started) or (zone if started else None),
        part=(
            *(stated[name] for name in ("target_region_code", "acquisition_code", "protocol")),
            *(plane, content.key("source_id") if template.by_source else None),
        ),
        raw=reading.raw,
        not_understood=tuple(dict.fromkeys(reading.notes)),
        warnings=warnings,
        **doses,
        **stated,
    )


def own_items(container: Item, others: Container[str]) -> Sequence[Item]:
    """The items below one, without those of others that a device put into it. Looks at none of these."""
    if not others:
        return container.below()
    found, place, items = list[Item](), container.index + 1, container.tree.items
    while place < container.end:
        if items[place].concept in others:
            place = items[place].end
        else:
            found.append(items[place])
            place += 1
    return found


def _stated(reading: Reading) -> dict[str, Any]:
    """What was looked at, and how."""
    content, template = reading.content, reading.template
    more = template.more(reading)
    return {
        "protocol": content.meaning("protocol") or content.meaning("event_label"),
        "target_region": content.meaning("target_region"),
        "target_region_code": content.key("target_region"),
        "acquisition": content.meaning(template.acquisition),
        "acquisition_code": content.key(template.acquisition),
        "laterality": content.meaning("laterality"),
        "side": next((side for key in content.keys("laterality") if (side := SIDES.get(key))), None),
        "plane": PLANES.get(content.key("plane") or ""),
        "technique": {**reading.technique(template.technique), **reading.filtered},
        "kind": template.kind,
        **more,
    }


def _event_uid(reading: Reading, study_uid: str, own: str, derive: Callable[[str], str]) -> tuple[str, tuple[str, ...]]:
    stated = reading.content.uid(*reading.template.uids)
    if stated is not None and is_uid(stated):
        return stated, ()
    reading.tree.tolerated["event_without_uid"] += 1
    if stated is None:
        by = "the study, the device and the event's start" if own else "the report's UID and the event's place in it"
        reading.notes.append(f"event UID: absent, one was derived from {by}")
        return derive(own), ("event_uid_derived",)
    reading.notes.append("event UID: not a UID, one was derived from it and the study's UID")
    return derived(study_uid, stated), ("event_uid_derived",)


def _started(reading: Reading) -> str | None:
    started, odd = moment(reading.content.date_time(*reading.template.started))
    if odd:
        reading.tree.tolerated["odd_date_time"] += 1
        reading.notes.append(f"started: {odd}")
    return started

"""Writes the keys of a query (``domain.query_keys``) as conditions of SQL, in which every value is a parameter."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, assert_never

from domain import query_keys
from domain.matching.folding import APART
from domain.query_keys import BadKey, Between, Condition, Equal, Kind, Like, OneOf

_LIKE: Final = str.maketrans({"*": "%", "?": "_", "%": r"\%", "_": r"\_", "\\": r"\\"})


def folded(text: str) -> str:
    """The SQL of ``domain.query_keys.folded`` of a text."""
    for sign, letters in APART.items():
        text = f"replace({text}, {_quoted(chr(sign))}, {_quoted(str(letters))})"
    return f"regexp_replace(lower(normalize({text}, NFKD)), '[^a-z0-9]', '', 'g')"


def _quoted(text: str) -> str:
    """A text of Krypton's own as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def of_study(keys: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """All keys of a study as one condition, and its parameters. ``keys``: by keyword of ``STUDY``. Raises BadKey."""
    return _all_of(keys, STUDY, STUDY)


def of_patient(keys: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """All keys of a patient as one condition on an identity, and its parameters. ``keys``: by keyword of ``PATIENT``.

    Raises BadKey.
    """
    return _all_of(keys, PATIENT, (*PATIENT, *STUDY))


def _all_of(
    keys: Mapping[str, str], level: Mapping[str, tuple[Kind, str, str]], known: Iterable[str]
) -> tuple[str, dict[str, Any]]:
    texts, values = ["true"], dict[str, Any]()
    for keyword, key in keys.items():
        if keyword not in level:
            raise BadKey(f"studies are not searched by {keyword}, but by {', '.join(known)}")
        kind, column, within = level[keyword]
        if (asked := query_keys.condition(keyword, kind, key)) is not None:
            text, more = condition(column, asked, f"key_{keyword}")
            texts.append(within.format(text))
            values |= more
    return " AND ".join(texts), values


def condition(column: str, asked: Condition, name: str) -> tuple[str, dict[str, Any]]:
    """One condition. ``column``: the SQL of a text, for a date ``YYYYMMDD``, for a time ``HHMMSS.ffffff``; NULL or
    empty is no value.
    """
    match asked:
        case OneOf(values):
            return f"{column} = ANY(%({name})s) AND {column} <> ''", {name: list(values)}
        case Like(pattern, fold):
            value = folded(column) if fold else column
            return f"{value} LIKE %({name})s AND {column} <> ''", {name: pattern.translate(_LIKE)}
        case Between(_, first, last):
            ends = {f"{name}_first": first, f"{name}_last": last}
            compared = [
                f'{column} COLLATE "C" {sign} %({end})s'
                for sign, (end, value) in zip((">=", "<="), ends.items(), strict=True)
                if value is not None
            ]
            return " AND ".join([*compared, f"{column} <> ''"]), ends
        case Equal(number):
            return f"{column}::float8 = %({name})s", {name: number}
    assert_never(asked)


STUDY: Final[Mapping[str, tuple[Kind, str, str]]] = {
    "StudyInstanceUID": (Kind.UID, "s.study_uid", "({})"),
    "StudyDate": (Kind.DATE, "replace(left(s.started_at, 10), '-', '')", "({})"),
    "StudyTime": (
        Kind.TIME,
        "CASE WHEN length(s.started_at) >= 13 THEN regexp_replace(rpad(replace(replace("
        "regexp_replace(substr(s.started_at, 12), '([+-].*|Z)$', ''), ':', ''), '.', ''), 12, '0'), "
        "'^(.{6})(.{6}).*$', '\\1.\\2') END",
        "({})",
    ),
    "AccessionNumber": (Kind.NUMBER_OF, "s.accession", "({})"),
    "StudyDescription": (Kind.WORDS, "s.description", "({})"),
    "ModalitiesInStudy": (
        Kind.CODE,
        "m.modality",
        "EXISTS (SELECT FROM jsonb_array_elements_text(s.modalities) AS m(modality) WHERE {})",
    ),
}
"""What the record view knows of a study, by keyword: how it is compared, its SQL, and what the condition lies within.

``s``: ``patient_record.study``.
"""


BORN: Final = "i.traits->>'birth_date'"
PATIENT: Final[Mapping[str, tuple[Kind, str, str]]] = {
    "PatientID": (Kind.NUMBER_OF, "i.local_id", "({})"),
    "IssuerOfPatientID": (Kind.NUMBER_OF, "i.assigner", "({})"),
    "PatientName": (
        Kind.WORDS,
        "n.name",
        "EXISTS (SELECT FROM (VALUES (rtrim(concat(i.traits->>'family', '^', i.traits->>'given'), '^')), "
        "(CASE WHEN i.traits->>'used_name' <> '' THEN "
        "rtrim(concat(i.traits->>'used_name', '^', i.traits->>'given'), '^') END)) AS n(name) WHERE {})",
    ),
    "PatientBirthDate": (
        Kind.DATE,
        f"CASE WHEN substr({BORN}, 6, 2) BETWEEN '01' AND '12' AND substr({BORN}, 9, 2) >= '01' "
        f"THEN replace({BORN}, '-', '') END",
        "({})",
    ),
}
"""What the identity index knows of a patient, by keyword. ``i``: ``identity_index.identity``. Somebody is found under
the name at birth and the name in use; a birth date that is not known whole meets no date.
"""

"""The table of tolerances: what is read although it is not as the standard has it, each under a name.

A record says which were needed, and how often. None of them guesses: where a value could be two, it is not understood.
"""

from typing import Final

TOLERANCES: Final[dict[str, str]] = {
    "unit_spelling": "a unit that is not written as UCUM has it: mGycm, Gym2, µGy.m2, mGy*cm, cm²",
    "unit_in_words": "a unit without a code, told by its words",
    "decimal_comma": "a comma for the decimal point, where it cannot part thousands: 1,5 and 0,125, never 1,250",
    "empty_measured_value": "a measurement without a value: not known, never zero",
    "double_measured_value": "several measured values in one measurement, all of them equal",
    "floating_point_alone": "a Floating Point Value without a Numeric Value",
    "code_without_meaning": "a code without words",
    "code_without_scheme": "a code without a designator: DICOM's own",
    "code_in_retired_scheme": "SNOMED under a retired designator: SNM3, 99SDM",
    "code_in_small_letters": "a retired SNOMED code in small letters, or a designator",
    "long_code_value": "a code in Long Code Value, or in URN Code Value",
    "yes_in_another_scheme": "yes or no by its code, under another scheme than the code is of",
    "yes_in_words": "yes or no in words, in one of the languages known, under a code that says neither",
    "odd_date_time": "a date-time that DICOM does not have: ISO 8601, a second of 60, a fraction without its point",
    "text_under_other_charset": "UTF-8 under a declared Latin-1",
    "event_without_uid": "an irradiation event without a UID, or with one that is none: one is derived",
    "value_stated_twice": "one quantity stated several times in an event, or a total in one place, with equal values",
}

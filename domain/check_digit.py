"""Computes and checks the Luhn check digit (ISO/IEC 7812-1, annex B) that ends an RPPS number."""


def check_digit(number: str) -> str:
    """The digit to append. ``number``: digits only, without the check digit."""
    doubled = (int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(number)))
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def fits(number: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    return number[-1] == check_digit(number[:-1])

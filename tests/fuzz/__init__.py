"""Fuzzers of what comes in from outside: ``make fuzz`` runs them for long, ``make test`` a little of each."""

"""The page of what an establishment's devices give, in groups of which nobody can be known."""

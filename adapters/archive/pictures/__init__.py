"""Makes of stored pixels what a client asks for: other transfer syntaxes, and pictures; in processes that may die."""

"""The command line: one module per command group; it parses and prints, and holds no rule."""

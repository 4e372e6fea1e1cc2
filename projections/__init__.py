"""Views: one folder per view, the engine that keeps them up to date, and their versions."""

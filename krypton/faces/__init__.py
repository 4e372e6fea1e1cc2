"""Faces: ways to ask over a network. Each authenticates who asks and formats the answer; it holds no rule."""

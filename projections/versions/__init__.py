"""Versions of the views: rebuild, diff, promotion, and which code keeps each up to date."""

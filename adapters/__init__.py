"""Adapters: one folder per external system or standard; they translate and decide nothing."""

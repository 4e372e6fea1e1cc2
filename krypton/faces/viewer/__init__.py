"""OHIF's viewer in a browser: its program, the page that starts it, and the links that open it."""

"""Sign-in of browsers: OpenID Connect, sessions, and the pages that they need."""

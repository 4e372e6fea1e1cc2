"""OHIF's viewer as this ledger serves it: fetched once as a package, cut down to what is needed, kept in a folder."""

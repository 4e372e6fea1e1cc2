"""The cumulative dose: every exposure, report and alert, by study; persons are resolved when read."""

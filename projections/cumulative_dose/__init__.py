"""The cumulative dose view: exposures, reports and alerts by study; persons are resolved by the queries."""

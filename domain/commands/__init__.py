"""Commands: values that decide changes to the aggregates; one module per aggregate."""

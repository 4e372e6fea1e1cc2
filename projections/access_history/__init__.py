"""The access history view: requests for records and their decisions, who read what, and statements about sharing."""

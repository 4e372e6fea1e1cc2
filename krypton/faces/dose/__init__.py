"""The patient's page of doses: one file that needs no other, made of the ``dose show`` document."""

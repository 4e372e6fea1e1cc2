"""What stored answers of commands hold that names an exam or an order, and how it is taken out.

Ids, positions and outcomes stay: a repeated command is answered with them.
"""

from typing import Final

NAMING: Final = ("placer_number", "accession")
"""What answers hold that events hold sealed."""
FORGET: Final = """UPDATE ledger.command SET result = result || (
  SELECT jsonb_object_agg(name, '[erased]'::text) FROM unnest(%s::text[]) name WHERE result ? name)
WHERE command_id = ANY(%s::uuid[]) AND result ?| %s::text[] RETURNING 1"""

"""The stream processor: runs one view on Faust, with positions kept in PostgreSQL."""

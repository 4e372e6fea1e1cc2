"""Imports: identities from CSV files as spreadsheets write them."""

"""What consumers outside DuckDB are given, as values that check themselves."""

"""Every table with its columns, the one cast to them, and SQL text made from values."""

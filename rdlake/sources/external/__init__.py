"""Factor tables and notes that a person adds."""

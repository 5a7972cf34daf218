"""Work of an operator: archive, clean up, maintain, examine, group, keep."""

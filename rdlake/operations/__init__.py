"""Do the work of an operator: archive, clean up, maintain, examine, group, keep."""

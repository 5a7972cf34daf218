"""Declare every table, cast rows to it, and write SQL text.

`tables` is the only place that knows a schema, `frames` has the one cast to it, and `sql` quotes
values, names and types for engines that take no parameters.
"""

"""Read what a back-test leaves in a workspace.

`metrics` reads qlib_res.csv, `curve` the daily report, `factor_table` the names of the factors,
`factor_values` their values, `prices` the labels. A reader returns None and an error for a file
that it cannot use, and a warning for each value that it cannot use.
"""

"""Draw charts.

`canvas` makes pictures; `curves` and `factors` draw rows on axes and know no lake; `stored` keeps
the charts of a lake up to date; `files` draws for a person at a terminal. Importing this package
costs nothing: its modules load matplotlib.
"""

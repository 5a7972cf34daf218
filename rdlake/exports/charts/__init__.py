"""Charts: `canvas` makes pictures, the other modules draw rows on axes and know no lake.

Importing this costs nothing; its modules load matplotlib.
"""

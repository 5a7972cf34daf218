"""Compute the rows of views when a version is published, and keep them as Parquet files.

In go a version and the files that it pins of every table. Out come the files of every materialized
view, pinned like those of tables. The modules, in the order of the work:
- `schedule` takes the views in an order in which each finds what it reads;
- `reuse` copies files that another lake has already;
- `partitions` divides a view's rows into parts;
- `changes` finds the values whose rows changed since the last version;
- `build` writes a part: from everything, or from the last version's file and the rows of these
  values.

The promise: a file is byte for byte the same, whichever way it was made. So a lost file can be made
again, and its digest proves it.
"""

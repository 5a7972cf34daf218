"""Keep Delta tables on disk. This room knows tables and files, no experiments.

`Lake` is the door: it reads a table, commits a batch, appends, adopts files and compacts. It makes
four promises.

A commit compares and swaps: it is made against the exact version that was read, and is tried again
when another writer was faster. So no append is doubled and no replaced row is lost.

A commit is durable: data files are flushed before the log names them, then the log entry and the
folders (`durable`, `delta_log`).

A read or a replace of some owners opens only the files that may hold their rows: the log has the
minimum and maximum of every key (`delta`).

A lake whose log ends in a torn file is refused, with the fix (`opening`, `delta_log`).
"""

"""Hold the values that the other rooms share.

A reader of `sources` makes them, `evidence` merges them, `ingest` stores them. They are frozen,
know neither files nor the lake, and hold no default that no source gave: what is unknown is None.
"""

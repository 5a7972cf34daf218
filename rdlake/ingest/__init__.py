"""Read what is new, keep the evidence, derive the rows, commit them.

`pipeline.ingest` runs one ingest that a `request` describes. It reads exported catalogs
(`json_catalogs`), logs (`traces`), registries and folders (`workspaces`), one after another; each
describes what a batch brings, and `commit` commits it, with the rows that `derive` makes of all
evidence. `previous` tells what the lake has already, so that nothing is read twice. `loop_hook`
takes one loop when RD-Agent ends it, `external` what a person adds from elsewhere, and `report`
tells what became of everything. No other room joins sources, evidence and store.

It keeps these promises. An ingest that is repeated changes nothing. One that is killed at any
moment is completed by the next. Rows do not depend on the order in which the sources come.
"""

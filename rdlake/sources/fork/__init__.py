"""Read the JSON files and catalogs that a fork of RD-Agent writes.

They are copies of what lies elsewhere, so every other source counts before them. `json_files` reads
the files of one workspace, `json_catalogs` an exported catalog; both return a `ForkRecord` for each
workspace. `json_repair` repairs known damage. What the fork makes up is not used.
"""

"""Read one workspace folder of RD-Agent.

`scan` lists its files by name, size and times. `hashing` reads every file once and keeps the bytes
that are parsed. `parse` turns these bytes into a `Workspace`. `roles` and `artifact_types` tell the
role of the folder and of a file from names alone. `roots` lists the folders of a root, and
`path_maps` translates paths of other systems.

Links are recorded and never followed.
"""

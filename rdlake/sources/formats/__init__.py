"""Read JSON, YAML and HDF5 as plain values, bounded in size and depth.

`Unreadable` says why a file cannot be used. `wording` makes untrusted text fit for a finding.
"""

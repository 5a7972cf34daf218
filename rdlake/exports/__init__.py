"""Write what a lake holds for readers other than DuckDB.

`json` and `parquet` write all views of one published version, `charts` draws curves and factors,
`reports` writes one page of HTML, `libraries` writes factors' code and strategies as Python
packages. Everything comes from a lake or a published version; nothing here changes an experiment.
Equal versions give equal bytes, and an older file is replaced only by a whole new one.
"""

"""JSON files and catalogs that a fork of RD-Agent writes."""

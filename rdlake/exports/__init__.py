"""Ways out of a lake: JSON, Parquet, charts, reports, Python libraries."""

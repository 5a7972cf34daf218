"""Check the readers on real files in tmp_path."""

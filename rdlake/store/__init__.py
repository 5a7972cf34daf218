"""Delta tables on disk. This room knows tables and files, no experiments."""

"""Readers of what RD-Agent left: one module per kind of file. They read, never write or execute."""

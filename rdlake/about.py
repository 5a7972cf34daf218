"""Name the version of this rdlake."""

__version__ = "0.2.0"

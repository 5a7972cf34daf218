"""What this rdlake is: its version."""

__version__ = "0.2.0"

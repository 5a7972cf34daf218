"""What this rdlake is: its version."""

__version__ = "0.1.0"

"""The world of the archive's tests."""

"""The world of the clean-up's tests."""

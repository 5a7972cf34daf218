"""Rows of views that are computed when a version is published."""

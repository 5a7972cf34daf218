"""Mark tests that take long; `pyproject.toml` says what runs them."""

from __future__ import annotations

from typing import Any

import pytest


def guarding(*values: Any) -> list[Any]:
    """Return these values as parameters of which only `make test-guards` takes a test."""
    return [pytest.param(value, marks=pytest.mark.guards) for value in values]


def slow(*values: Any) -> list[Any]:
    """Return these values as parameters of which only `make test-all` takes a test."""
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]

"""Digest formulas so that every spelling of one formula has one digest.

`tokens` splits the text, `parse` builds a tree, `tree` writes the tree in one canonical spelling.
What can be read in two ways is not parsed: two different formulas must never share a digest. `qlib`
tells whether a text is a Qlib expression.
"""

from __future__ import annotations

from hashlib import sha256

from rdlake.factors.formulas.parse import parse_formula
from rdlake.factors.formulas.tokens import UnparsedFormula

__all__ = ["expression_fingerprint"]


def expression_fingerprint(text: str | None) -> str | None:
    """Return a digest of what a formula in LaTeX or Qlib syntax says; None without a formula.

    A formula that cannot be parsed, or prose, is digested as text with its spaces made equal.
    Copies of it are still found, and it never equals a parsed formula.
    """
    words = " ".join((text or "").split())
    if not words:
        return None
    try:
        content = f"formula\0{parse_formula(words)}"
    except UnparsedFormula:
        content = f"text\0{words}"
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

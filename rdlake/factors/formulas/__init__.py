"""Formulas: a digest that is the same however a formula is written down."""

from __future__ import annotations

from hashlib import sha256

from rdlake.factors.formulas.parse import parsed
from rdlake.factors.formulas.tokens import Unparsed

__all__ = ["expression_fingerprint"]


def expression_fingerprint(text: str | None) -> str | None:
    """A digest of what a formula in LaTeX or in Qlib's syntax says; None where there is none.

    Of a formula that is not understood, and of prose, it is a digest of the text with its spaces
    made equal: so copies of it are found still, and it is never taken for another.
    """
    words = " ".join((text or "").split())
    if not words:
        return None
    try:
        content = f"formula\0{parsed(words)}"
    except Unparsed:
        content = f"text\0{words}"
    return sha256(content.encode("utf-8", "surrogatepass")).hexdigest()

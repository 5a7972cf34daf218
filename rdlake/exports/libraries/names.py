"""Names of factors as names in Python."""

from __future__ import annotations

import keyword
import unicodedata
from hashlib import sha256

LONGEST = 60


def python_name(name: str) -> str:
    """The name itself where Python takes it as it is, Chinese too; else `f_` and eight digits of
    its sha256: for a keyword, for what Python would spell otherwise, for what is too long."""
    plain = (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name
        and len(name.encode()) <= LONGEST
    )
    return name if plain else f"f_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"

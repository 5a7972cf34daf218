"""Turn names of factors into names in Python."""

from __future__ import annotations

import keyword
import unicodedata
from hashlib import sha256

LONGEST = 60


def python_name(name: str) -> str:
    """Return the name itself if Python takes it as it is, Chinese too; else `f_` and a digest.

    A keyword, a name that Python would normalize, and a long name get eight digits of its sha256.
    """
    plain = (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name
        and len(name.encode()) <= LONGEST
    )
    return name if plain else f"f_{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}"

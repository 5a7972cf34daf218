"""Add what comes from elsewhere than RD-Agent: libraries and tables of factors, strategies.

An addition stands under an owner of its own, `external:<source>` or `external:<source>/<name>`, so
no ingest replaces its rows and it replaces none of theirs. A file is taken whole or refused whole,
because a person is there to mend it. Its rows are committed first, the row of `ingests` after them;
if it is stopped between the two, the next addition completes it.
"""

from rdlake.ingest.external.addition import AdditionReport
from rdlake.ingest.external.libraries import add_alphas
from rdlake.ingest.external.strategies import STRATEGY_SOURCES, add_strategy
from rdlake.ingest.external.tables import SOURCES, add_factors

__all__ = [
    "SOURCES",
    "STRATEGY_SOURCES",
    "AdditionReport",
    "add_alphas",
    "add_factors",
    "add_strategy",
]

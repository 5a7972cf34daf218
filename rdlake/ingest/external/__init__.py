"""What comes from elsewhere than RD-Agent: libraries of factors, tables of factors, strategies."""

from rdlake.ingest.external.added import Added
from rdlake.ingest.external.libraries import add_alphas
from rdlake.ingest.external.strategies import STRATEGY_SOURCES, add_strategy
from rdlake.ingest.external.tables import SOURCES, add_factors

__all__ = ["SOURCES", "STRATEGY_SOURCES", "Added", "add_alphas", "add_factors", "add_strategy"]

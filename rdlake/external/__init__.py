"""What comes from elsewhere than RD-Agent: libraries of factors, tables of factors, strategies."""

from rdlake.external.added import Added
from rdlake.external.libraries import add_alphas
from rdlake.external.strategies import STRATEGY_SOURCES, add_strategy
from rdlake.external.tables import SOURCES, add_factors

__all__ = ["SOURCES", "STRATEGY_SOURCES", "Added", "add_alphas", "add_factors", "add_strategy"]

"""What comes from elsewhere than RD-Agent: libraries of factors, tables of factors, strategies."""

from rdlake.external.added import Added
from rdlake.external.libraries import add_alphas

__all__ = ["Added", "add_alphas"]

"""Shared libraries: accepted factors' real code and strategies as Python, for other programs."""

from rdlake.libs.base_features import BaseFeatures, export_base_features
from rdlake.libs.implementations import Left
from rdlake.libs.sync import Synced, sync
from rdlake.libs.verify import Against, Verified, verify

__all__ = [
    "Against",
    "BaseFeatures",
    "Left",
    "Synced",
    "Verified",
    "export_base_features",
    "sync",
    "verify",
]

"""Shared libraries: accepted factors' real code and strategies as Python, for other programs."""

from rdlake.exports.libraries.base_features import BaseFeatures, export_base_features
from rdlake.exports.libraries.implementations import Left
from rdlake.exports.libraries.sync import Synced, sync
from rdlake.exports.libraries.verify import Against, Verified, verify

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

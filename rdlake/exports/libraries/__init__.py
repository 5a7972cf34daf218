"""Shared libraries: accepted factors' real code and strategies as Python, for other programs."""

from rdlake.exports.libraries.base_features import BaseFeatures, export_base_features
from rdlake.exports.libraries.implementations import OmittedFactor
from rdlake.exports.libraries.sync import LibraryReport, sync
from rdlake.exports.libraries.verify import StoredInputs, Verification, verify

__all__ = [
    "BaseFeatures",
    "LibraryReport",
    "OmittedFactor",
    "StoredInputs",
    "Verification",
    "export_base_features",
    "sync",
    "verify",
]

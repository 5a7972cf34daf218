"""Write accepted factors' real code, and strategies, as Python packages for other programs.

`sync` brings two shared libraries up to date with the lake, `verify` runs a library's factors and
compares their values with the stored ones, `export_base_features` writes factors for RD-Agent to
begin with. Code is copied byte for byte and never imported. `runtime` goes into a library of
factors and runs that code in a closed process. A file that rdlake did not write is never
overwritten (`generated_folder`).
"""

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

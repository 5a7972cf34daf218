"""Sign and verify receipts: what was deleted, its digest, and which archive proves it."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from rdlake.errors import BadInput, CheckFailed
from rdlake.operations.cleanup.plan import StrictModel, parse_model
from rdlake.store.lake import Lake

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


COLUMNS = [
    "cleanup_id", "stage", "workspace_id", "path", "kind", "size", "sha256", "proof",
    "archive_lake_id", "archive_id", "state",
]  # fmt: skip
INSTALL = "pip install 'rdlake[sign]'"


class DeletedFile(StrictModel):
    """Describe one file or link, as `cleanups` has it."""

    cleanup_id: str
    stage: str
    workspace_id: str
    path: str
    kind: str
    size: int
    sha256: str | None
    proof: str
    archive_lake_id: str
    archive_id: str | None
    state: str


class CleanupReceipt(StrictModel):
    """Hold what clean-ups deleted, at one moment."""

    format: Literal["rdlake-cleanup-receipt-1"] = "rdlake-cleanup-receipt-1"
    lake_id: str
    made_at: str
    deleted: tuple[DeletedFile, ...]

    @property
    def canonical(self) -> bytes:
        """Return the bytes that are signed."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return text.encode()


class SignedReceipt(StrictModel):
    receipt: CleanupReceipt
    signature: str


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read the Ed25519 key in a PEM file without a password; BadInput for anything else."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise BadInput("signing needs the cryptography package", where=path, fix=INSTALL) from error
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path)
    return key


def sign_receipt(lake: Lake, cleanup_ids: Collection[str], key: Ed25519PrivateKey) -> str:
    """Return what the lake says that these clean-ups took out, signed, as JSON."""
    mine = pl.col("cleanup_id").is_in(list(cleanup_ids))
    mine &= pl.col("state").is_in(["trashed", "purged"])
    rows = lake.read("cleanups", COLUMNS, mine).sort(COLUMNS[:4]).to_dicts()
    made_at = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    receipt = CleanupReceipt(
        lake_id=lake.lake_id, made_at=made_at, deleted=tuple(DeletedFile(**row) for row in rows)
    )
    signature = key.sign(receipt.canonical).hex()
    return SignedReceipt(receipt=receipt, signature=signature).model_dump_json(indent=2) + "\n"


def verify_receipt(path: Path, key: Path) -> CleanupReceipt:
    """Return the receipt in a file. Raise CheckFailed when it was not signed with the key of this
    PEM."""
    try:
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ImportError as error:
        raise BadInput("this needs the cryptography package", where=key, fix=INSTALL) from error
    try:
        public = load_pem_public_key(key.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(key) from error
    if not isinstance(public, Ed25519PublicKey):
        raise _no_key(key)
    fix = (
        "ask whoever made it for the receipt as it was written, and for the key it was signed with"
    )
    try:
        found = parse_model(SignedReceipt, path.read_bytes())
        public.verify(bytes.fromhex(found.signature), found.receipt.canonical)
    except OSError as error:
        what = f"the receipt cannot be read: {error.strerror}"
        raise BadInput(what, where=path, fix="name the file that --receipt wrote") from error
    except ValueError as error:
        raise CheckFailed(f"this is no receipt: {error}", where=path, fix=fix) from error
    except InvalidSignature as error:
        what = "the signature is not of this receipt and key"
        raise CheckFailed(what, where=path, fix=fix) from error
    return found.receipt


def _no_key(path: Path) -> BadInput:
    return BadInput(
        "this is no Ed25519 key that can be used here",
        where=path,
        fix="openssl genpkey -algorithm ed25519 -out KEY.pem; "
        "openssl pkey -in KEY.pem -pubout -out PUB.pem",
    )

"""A receipt says what was deleted and what proves it, and nobody else can have written it."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.cli.run import Ran, run
from tests.operations.cleanup.world import Cleaned, in_trash, listing


def write_keys(folder: Path, name: str = "key") -> tuple[Path, Path]:
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private.write_bytes(text)
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def apply(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str], *more: object, plan: str = "plan.json"
) -> Ran:
    path = cleaned.folder / plan
    if not path.exists():
        path.write_text(cleaned.plan().model_dump_json())
    return run(
        capsys, "cleanup", "apply", path, "--lake", cleaned.folder / "lake", "--archive",
        cleaned.to, "--workspaces", cleaned.workspaces, "--allow", "factor_values", *more,
    )  # fmt: skip


@pytest.mark.guards
def test_a_receipt_says_what_was_deleted_and_what_proves_it(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    private, public = write_keys(tmp_path)
    whole, receipt = listing(cleaned.workspaces), tmp_path / "receipt.json"
    ran = apply(cleaned, capsys, "--purge", "--sign", private, "--receipt", receipt)
    assert ran.code == 0, ran.err
    gone = whole.keys() - listing(cleaned.workspaces).keys()
    shown = run(capsys, "cleanup", "verify", receipt, "--key", public, "--json")
    rows = json.loads(shown.out)
    assert shown.code == 0 and {f"{row['workspace_id']}/{row['path']}" for row in rows} == gone
    for row in rows:
        content = whole[f"{row['workspace_id']}/{row['path']}"]
        assert isinstance(content, bytes) and row["sha256"] == sha256(content).hexdigest()
        assert row["archive_lake_id"] == cleaned.there.lake_id and row["state"] == "purged"
        assert row["archive_id"] in set(cleaned.lake.read("archives")["archive_id"])


def test_a_changed_receipt_or_another_key_is_told(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (private, public), (_, other) = write_keys(tmp_path), write_keys(tmp_path, "other")
    receipt = tmp_path / "receipt.json"
    apply(cleaned, capsys, "--sign", private, "--receipt", receipt)
    text = receipt.read_text()
    verify = ("cleanup", "verify", receipt, "--key")
    assert run(capsys, *verify, public).code == 0
    assert run(capsys, *verify, other).code == 4
    assert run(capsys, *verify, tmp_path / "none").code == 1
    for changed in (
        text.replace('"trashed"', '"purged"', 1),
        text.replace('"size": ', '"size": 1', 1),
        text.replace('"receipt"', '"other"'),
        json.dumps(json.loads(text) | {"signature": "xyz"}),
        "",
    ):
        assert changed != text
        receipt.write_text(changed)
        ran = run(capsys, *verify, public)
        assert ran.code == 4 and "fix:" in ran.err


def test_a_key_that_cannot_sign_deletes_nothing(
    cleaned: Cleaned, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, public = write_keys(tmp_path)
    other = tmp_path / "ec.pem"
    key = generate_private_key(SECP256R1())
    other.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    receipt, before = tmp_path / "receipt.json", listing(cleaned.workspaces)
    for bad in (public, other, tmp_path / "none", tmp_path):
        assert apply(cleaned, capsys, "--sign", bad, "--receipt", receipt).code == 1
    private, _ = write_keys(tmp_path, "good")
    assert apply(cleaned, capsys, "--sign", private).code == 2
    receipt.write_text("mine")
    assert apply(cleaned, capsys, "--sign", private, "--receipt", receipt).code == 1
    assert receipt.read_text() == "mine"
    assert listing(cleaned.workspaces) == before and not in_trash(cleaned.workspaces)

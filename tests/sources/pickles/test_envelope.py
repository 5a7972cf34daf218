"""Check the signed envelope, its key, and gzip."""

from __future__ import annotations

import gzip
import hmac
from hashlib import sha256
from pathlib import Path

import pytest

from rdlake.sources.pickles import Damaged, load, open_envelope, signing_key
from tests.places import KEY, TRACES, needs_shared
from tests.sources.pickles.assemble import STOP, text

MAGIC = b"RDAGENT_SIGNED_PICKLE_V1\n"
PAYLOAD = text("inside") + STOP
SECRET = bytes(range(32))


def envelope(payload: bytes, key: bytes = SECRET) -> bytes:
    return MAGIC + hmac.digest(key, payload, "sha256") + payload


@pytest.mark.parametrize(
    ("data", "key", "signature"),
    [
        (envelope(PAYLOAD), SECRET, "signed"), (envelope(PAYLOAD), bytes(32), "bad"),
        (envelope(PAYLOAD)[:-1] + b"x", SECRET, "bad"), (envelope(PAYLOAD), None, "unchecked"),
        (PAYLOAD, SECRET, "unsigned"), (PAYLOAD, None, "unsigned"),
    ],
)  # fmt: skip
def test_a_signature_is_told(data: bytes, key: bytes | None, signature: str) -> None:
    assert open_envelope(data, key).signature == signature


def test_the_payload_is_what_lies_behind_the_header() -> None:
    assert open_envelope(envelope(PAYLOAD), SECRET).payload == PAYLOAD
    assert open_envelope(PAYLOAD, None).payload == PAYLOAD


def test_load_opens_envelope_and_gzip_by_itself() -> None:
    for data in (
        PAYLOAD,
        envelope(PAYLOAD),
        gzip.compress(PAYLOAD),
        gzip.compress(envelope(PAYLOAD)),
    ):
        assert load(data) == "inside"


@pytest.mark.parametrize("size", [1, 10, 25, 40, 57])
def test_an_envelope_cut_in_its_header_is_damaged(size: int) -> None:
    data = envelope(PAYLOAD)[:size]
    with pytest.raises(Damaged, match=f"cut off after {size} bytes"):
        open_envelope(data, SECRET)
    with pytest.raises(Damaged, match=f"cut off after {size} bytes"):
        load(data)


def test_a_pickle_that_begins_like_the_magic_word_is_still_a_pickle() -> None:
    assert open_envelope(b"RDX", None).signature == "unsigned"


def test_the_key_of_a_text_is_its_digest(tmp_path: Path) -> None:
    assert signing_key(text="x" * 32) == sha256(b"x" * 32).digest()
    path = tmp_path / "key"
    path.write_bytes(SECRET)
    assert signing_key(path=path) == SECRET


def test_a_key_must_be_there_and_long_enough(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    with pytest.raises(ValueError, match="at least 32 bytes, not 5"):
        signing_key(text="short")
    with pytest.raises(ValueError, match="is empty"):
        signing_key(path=tmp_path / "key")
    with pytest.raises(ValueError, match="a text or a path"):
        signing_key()
    with pytest.raises(FileNotFoundError):
        signing_key(path=tmp_path / "none")


@needs_shared
def test_real_messages_are_signed_with_the_key_beside_them() -> None:
    key = signing_key(path=KEY)
    for run, signature in (("run_factor_100", "signed"), ("run_factor_080", "unsigned")):
        found = {
            open_envelope(path.read_bytes(), key).signature
            for path in (TRACES / run / "log").rglob("*.pkl")
        }
        assert found == {signature}

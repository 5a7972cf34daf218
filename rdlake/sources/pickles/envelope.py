"""Open what a pickle can be wrapped in: RD-Agent's signed envelope, and gzip."""

from __future__ import annotations

import hmac
import zlib
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Literal

from rdlake.sources.pickles.limits import Limits
from rdlake.sources.pickles.refusal import Damaged, Refused

Signature = Literal["signed", "bad", "unchecked", "unsigned"]

MAGIC = b"RDAGENT_SIGNED_PICKLE_V1\n"
HEADER = len(MAGIC) + sha256().digest_size
SHORTEST_KEY = 32
GZIP = b"\x1f\x8b"
SMALL, LARGE = 1 << 16, 1 << 20


@dataclass(frozen=True, slots=True)
class Envelope:
    """Hold the pickle inside and the state of its signature.

    The signature was made with the key ("signed"), was not made with it ("bad"), is there but
    without a key to check it ("unchecked"), or is not there ("unsigned").
    """

    payload: bytes
    signature: Signature


def signing_key(*, text: str | None = None, path: Path | None = None) -> bytes:
    """Return the key RD-Agent derives from ARTIFACT_SIGNING_KEY, or else the bytes of a key file.

    ValueError when the text is shorter than RD-Agent allows, the file is empty, or both are None.
    """
    if text is not None:
        secret = text.encode()
        if len(secret) < SHORTEST_KEY:
            raise ValueError(f"a signing key has at least {SHORTEST_KEY} bytes, not {len(secret)}")
        return sha256(secret).digest()
    if path is None:
        raise ValueError("a signing key needs a text or a path")
    key = path.read_bytes()
    if not key:
        raise ValueError(f"the signing key file {path} is empty")
    return key


def open_envelope(data: bytes, key: bytes | None) -> Envelope:
    """Return the pickle that the bytes hold and the state of its signature.

    Damaged when the envelope is cut inside its header or holds nothing.
    """
    if not _is_signed(data):
        return Envelope(data, "unsigned")
    digest, payload = data[len(MAGIC) : HEADER], data[HEADER:]
    if key is None:
        return Envelope(payload, "unchecked")
    true = hmac.compare_digest(hmac.digest(key, payload, "sha256"), digest)
    return Envelope(payload, "signed" if true else "bad")


def unwrap(data: bytes, limits: Limits) -> tuple[bytes, int]:
    """Return bytes that hold a bare pickle, and where in them it starts."""
    if len(data) > limits.size:
        raise Refused("pickle", f"{len(data):,} bytes; at most {limits.size:,} are read")
    if data.startswith(GZIP):
        data = _unzip(data, limits.size)
    start = HEADER if _is_signed(data) else 0
    if len(data) == start:
        raise Damaged("it is empty")
    return data, start


def _is_signed(data: bytes) -> bool:
    """Return whether the bytes begin with a signed envelope.

    Damaged for an envelope without anything in it, which is what a torn write leaves.
    """
    if not data.startswith(MAGIC):
        torn = 0 < len(data) < len(MAGIC) and MAGIC.startswith(data)
    else:
        torn = len(data) <= HEADER
    if torn:
        raise Damaged(f"the signed envelope is cut off after {len(data):,} bytes")
    return data.startswith(MAGIC)


def _unzip(data: bytes, most: int) -> bytes:
    unpacked, stream = BytesIO(), zlib.decompressobj(wbits=31)
    try:
        for start in range(0, len(data), SMALL):
            rest: bytes = data[start : start + SMALL]
            while rest and not stream.eof:
                unpacked.write(stream.decompress(rest, LARGE))
                rest = stream.unconsumed_tail
                if unpacked.tell() > most:
                    raise Refused("gzip", f"unpacks to more than {most:,} bytes")
    except zlib.error as error:
        raise Damaged("the gzip file is torn") from error
    if not stream.eof:
        raise Damaged("the gzip file ends early")
    return unpacked.getvalue()

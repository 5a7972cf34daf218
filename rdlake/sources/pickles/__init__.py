"""Read pickles without running them.

`load` returns plain values and, for everything that a pickle would import, call or build, inert
`Global`s and `Record`s. `as_frame`, `as_series`, `as_path`, `as_value` and `attributes` turn those
into values with our own code, or raise `Refused` with the name of what they do not know.

Why nothing can run. The reader is an interpreter of the pickle opcodes of its own; it neither uses
nor imports Python's. There is no `find_class` to get round, no `copyreg` registry, no dispatch of
`__reduce__`, `__setstate__` or `append` on objects from outside: an opcode that would import makes
a `Global` (two pieces of text), one that would call makes a `Record` (text and arguments), and the
only types that are ever filled are list, dict, set and `Record`. Names are compared with a table of
text (`names`), never looked up. An allow-list of packages would not do: numpy alone holds a
function that runs code. Persistent ids, extension codes and out-of-band buffers are refused.

Why it ends. Python's C unpickler cannot be interrupted, and its costs depend on what the opcodes do
together, so a scan ahead of it would have to be this interpreter anyway. Here each opcode is
measured before it is obeyed: announced lengths against the bytes that are there, memory by an
estimate on the safe side, keys before they are hashed, the clock every thousand opcodes, and depth
and true size of the result. Decoding keeps the same account; numpy sees a buffer only after its
length equals shape times element size, and polars only values that are valid for their type.
"""

from __future__ import annotations

from rdlake.sources.pickles.decode import as_frame, as_series, as_value
from rdlake.sources.pickles.envelope import Envelope, Signature, open_envelope, signing_key
from rdlake.sources.pickles.frames import Frame, Series
from rdlake.sources.pickles.indexes import Axis
from rdlake.sources.pickles.limits import Limits
from rdlake.sources.pickles.load import load
from rdlake.sources.pickles.paths import as_path
from rdlake.sources.pickles.records import Global, Record, attributes, qualified
from rdlake.sources.pickles.refusal import Damaged, Refused

__all__ = [
    "Axis",
    "Damaged",
    "Envelope",
    "Frame",
    "Global",
    "Limits",
    "Record",
    "Refused",
    "Series",
    "Signature",
    "as_frame",
    "as_path",
    "as_series",
    "as_value",
    "attributes",
    "load",
    "open_envelope",
    "qualified",
    "signing_key",
]

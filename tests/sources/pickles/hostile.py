"""Collect all hostile pickles under one name each, and what `load` must do with them.

"inert" means that there are only records, "refused" that nothing comes back.
"""

from __future__ import annotations

from tests.sources.pickles.assemble import STOP
from tests.sources.pickles.bombs import BOMBS, Hostile
from tests.sources.pickles.calls import CALLS
from tests.sources.pickles.forged import RECORDS
from tests.sources.pickles.misused import OPCODES

ATTACKS: dict[str, Hostile] = {
    **{f"call: {name}": Hostile("inert", data + STOP) for name, data in CALLS.items()},
    **{f"opcode: {name}": Hostile(fate, data + STOP) for name, (fate, data) in OPCODES.items()},
    **{f"record: {name}": Hostile("inert", data + STOP) for name, data in RECORDS.items()},
    **{f"bomb: {name}": bomb for name, bomb in BOMBS.items()},
}

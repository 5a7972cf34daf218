"""Turn the bytes of a pickle into inert values."""

from __future__ import annotations

import struct
from itertools import repeat
from typing import Final

from rdlake.sources.pickles import nesting
from rdlake.sources.pickles.envelope import unwrap
from rdlake.sources.pickles.limits import DEFAULT, Budget, Limits
from rdlake.sources.pickles.machine import ACTIONS, Machine
from rdlake.sources.pickles.opcodes import READERS
from rdlake.sources.pickles.refusal import Damaged

STOP: Final = ord(".")
BETWEEN_LOOKS = 1_024
PER_OPCODE = 64
PER_LETTER = 4
_READ: Final = [READERS.get(code) for code in range(256)]
_ACT: Final = [ACTIONS.get(code) for code in range(256)]


def load(data: bytes, *, limits: Limits = DEFAULT) -> object:
    """Return what the pickle holds: plain values, and a `Global` or `Record` for all else.

    A gzip file and RD-Agent's signed envelope are opened; the signature is not checked here.
    Refused for what is never read or costs too much; Damaged (a kind of Refused) for torn bytes.
    """
    pickled, start = unwrap(data, limits)
    budget = Budget(limits)
    budget.spend(len(pickled))
    try:
        value = _run(pickled, start, budget)
    except (IndexError, struct.error) as error:
        raise Damaged("it ends early, or takes more values than there are") from error
    except UnicodeDecodeError as error:
        raise Damaged("its text is not UTF-8") from error
    nesting.check(value, budget)
    return value


def _run(data: bytes, at: int, budget: Budget) -> object:
    machine = Machine(budget)
    size = len(data)
    while True:
        before = at
        for _ in repeat(None, BETWEEN_LOOKS):
            code = data[at]
            at += 1
            read, act = _READ[code], _ACT[code]
            argument = None
            if read is not None:
                argument, at = read(data, at, budget)
                if at > size:
                    raise Damaged("it ends early")
            if act is not None:
                act(machine, argument)
            elif read is not None:
                machine.stack.append(argument)
            elif code == STOP:
                return machine.stack.pop()
            else:
                raise Damaged(f"byte {at - 1:,} is no opcode: {code:#04x}")
        budget.spend(PER_OPCODE * BETWEEN_LOOKS + PER_LETTER * (at - before - budget.uncounted))
        budget.uncounted = 0
        budget.watch()

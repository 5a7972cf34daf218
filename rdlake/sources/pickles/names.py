"""Name what the decoders know by one word, under every spelling that writers have used."""

from __future__ import annotations

from typing import Final

from rdlake.sources.pickles.records import Global, Record, qualified
from rdlake.sources.pickles.refusal import Refused, type_name

_ARRAYS: Final = {
    "DatetimeArray": "datetimes", "TimedeltaArray": "timedeltas", "Categorical": "categorical",
    "StringArray": "string_", "StringArrayNumpySemantics": "string_",
    "ArrowStringArray": "string_arrow", "ArrowStringArrayNumpySemantics": "string_arrow",
    "IntegerArray": "integer", "FloatingArray": "floating", "BooleanArray": "boolean",
}  # fmt: skip
_INDEXES: Final = {
    "Index": "base", "RangeIndex": "range", "MultiIndex": "multi", "DatetimeIndex": "datetimes",
    "TimedeltaIndex": "timedeltas", "CategoricalIndex": "category", "Int64Index": "numeric",
    "UInt64Index": "numeric", "Float64Index": "numeric",
}  # fmt: skip
_SPELLED: Final = {
    "DataFrame": ("pandas.DataFrame", "pandas.core.frame.DataFrame"),
    "Series": ("pandas.Series", "pandas.core.series.Series"),
    "BlockManager": ("pandas.core.internals.managers.BlockManager",),
    "SingleBlockManager": ("pandas.core.internals.managers.SingleBlockManager",),
    "block": ("pandas._libs.internals._unpickle_block",),
    "backed": ("pandas._libs.arrays.__pyx_unpickle_NDArrayBacked",),
    "new index": (
        "pandas.core.indexes.base._new_Index",
        "pandas.core.indexes.datetimes._new_DatetimeIndex",
        "pandas.core.indexes.timedeltas._new_TimedeltaIndex",
    ),
    "CategoricalDtype": ("pandas.CategoricalDtype", "pandas.core.dtypes.dtypes.CategoricalDtype"),
    "DatetimeTZDtype": ("pandas.DatetimeTZDtype", "pandas.core.dtypes.dtypes.DatetimeTZDtype"),
    "NA": ("pandas.NA", "pandas._libs.missing.NA"),
    "NaT": (
        "pandas._libs.tslibs.nattype._nat_unpickle",
        "pandas._libs.tslibs.nattype.__nat_unpickle",
    ),
    "Timestamp": (
        "pandas._libs.tslibs.timestamps._unpickle_timestamp",
        "pandas._libs.tslibs.timestamps.Timestamp",
    ),
    "Timedelta": (
        "pandas._libs.tslibs.timedeltas._timedelta_unpickle",
        "pandas._libs.tslibs.timedeltas.Timedelta",
    ),
    "ndarray": ("numpy.ndarray",),
    "dtype": ("numpy.dtype",),
    "reconstruct": ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"),
    "frombuffer": ("numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"),
    "scalar": ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    "arrow array": ("pyarrow.lib._restore_array",),
    "arrow chunks": ("pyarrow.lib.chunked_array",),
    "arrow type": ("pyarrow.lib.type_for_alias",),
    "arrow buffer": ("pyarrow.lib.py_buffer",),
    "encoded": ("_codecs.encode",),
    "named zone": ("zoneinfo.ZoneInfo._unpickle", "zoneinfo.ZoneInfo", "pytz._p"),
    "minutes zone": ("pytz.FixedOffset", "pytz._FixedOffset"),
    "utc zone": ("pytz._UTC", "pytz.utc"),
    **{name: (f"datetime.{name}",) for name in ("datetime", "date", "time", "timedelta")},
    "timezone": ("datetime.timezone",),
    **{name: (f"collections.{name}",) for name in ("OrderedDict", "defaultdict", "Counter")},
    "deque": ("collections.deque",),
    **{
        flavour: tuple(f"{home}.{pure}{flavour}Path" for home in homes for pure in ("", "Pure"))
        for flavour, homes in {
            "Posix": ("pathlib", "pathlib._local"),
            "Windows": ("pathlib", "pathlib._local"),
        }.items()
    },
    **{
        name: (f"builtins.{name}", f"__builtin__.{name}")
        for name in ("bytes", "bytearray", "slice", "range", "complex", "set", "frozenset")
    },
    **{name: (f"pandas.arrays.{name}", f"pandas.core.arrays.{home}.{name}")
       for name, home in _ARRAYS.items()},
    **{name: (f"pandas.{name}", f"pandas.core.indexes.{home}.{name}")
       for name, home in _INDEXES.items()},
}  # fmt: skip
_WORDS: Final = {
    "pandas.Categorical": "Categorical",
    "pandas.core.arrays.numpy_.StringArray": "StringArray",
} | {spelling: word for word, spellings in _SPELLED.items() for spelling in spellings}


def word(value: object) -> str | None:
    """Return the word for what a record or global names; None for all that no decoder knows."""
    if type(value) is Record or type(value) is Global:
        return _WORDS.get(qualified(value))
    return None


def is_word(value: object, *words: str) -> bool:
    """Tell whether the value is a record or global of one of the words."""
    return word(value) in words


def refuse(value: object, reason: str) -> Refused:
    """Return the refusal of a value by its own name."""
    if type(value) is Record or type(value) is Global:
        return Refused(qualified(value), reason)
    return Refused(type_name(value), reason)

"""Write the pickles of one pandas beside this file: `python make.py <folder>`.

Run it by a Python that has the pandas of that folder; nothing else of this project is needed.
The values come from `expected.json`, which is the same for all writers: what pandas makes of a
list is what the reader must give back. Groups: frames, series, indexes, arrays, scalars, objects,
and `refused`, of which each member must be refused by its name.
"""

import collections
import datetime as dt
import json
import pathlib
import pickle
import sys

import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
EXPECTED = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
NAN = float("nan")


def numbers(values):
    return [NAN if value is None else value for value in values]


def stamps(values, **kwargs):
    return pd.DatetimeIndex([pd.NaT if v is None else pd.Timestamp(v) for v in values], **kwargs)


def column(values, kind):
    """Return one column of the frame as pandas would hold it."""
    if kind.startswith("datetime"):
        zone = kind.partition(" ")[2]
        found = stamps(values)
        return found.tz_convert(zone) if zone else found
    if kind == "timedelta":
        return pd.TimedeltaIndex([pd.NaT if v is None else pd.Timedelta(v, "ns") for v in values])
    if kind == "category":
        return pd.Categorical(values)
    if kind == "text":
        return values
    if kind in ("Int64", "boolean", "string", "Float64"):
        return pd.array([pd.NA if value is None else value for value in values], dtype=kind)
    return np.array(numbers(values) if kind.startswith("float") else values, dtype=kind)


def index(levels):
    """Return the index of one or several levels; none: pandas counts."""
    if not levels:
        return None
    made = [pd.Index(column(level["values"], level["kind"])) for level in levels]
    names = [level["name"] for level in levels]
    if len(made) == 1:
        return made[0].rename(names[0])
    return pd.MultiIndex.from_arrays(made, names=names)


def label(name):
    return tuple(name) if isinstance(name, list) else name


def frame(wanted):
    names = [label(name) for name in wanted["columns"]]
    columns = [column(values, kind) for values, kind in zip(wanted["data"], wanted["kinds"])]
    made = pd.DataFrame(dict(enumerate(columns)), index=range(wanted["rows"]))
    made.columns = pd.MultiIndex.from_tuples(names) if isinstance(names[0], tuple) else names
    found = index(wanted["index"])
    return made if found is None else made.set_axis(found, axis=0)


def series(wanted):
    made = pd.Series(column(wanted["data"], wanted["kind"]), name=label(wanted["name"]))
    found = index(wanted["index"])
    return made if found is None else made.set_axis(found, axis=0)


def shaped_frames(frames):
    """Return frames whose blocks lie in memory in other ways than a fresh one's."""
    ret, mixed = frames["ret"], frames["mixed"]
    grown = ret[["account"]].copy()
    for name in ret.columns[1:]:
        grown[name] = ret[name]
    return {
        "ret_in_single_blocks": grown,
        "ret_turned": pd.DataFrame(ret.T.values.copy(), ret.columns, ret.index).T.astype(ret.dtypes),
        "ret_every_second_row": pd.concat([ret, ret]).sort_index(kind="mergesort").iloc[::2],
        "mixed_in_two_parts": pd.concat([mixed.iloc[:2], mixed.iloc[2:]]),
        "mixed_cut_out": pd.concat([mixed, mixed]).iloc[4:],
        "ret_columns_reversed_twice": ret[ret.columns[::-1]][list(ret.columns)],
    }


def arrays(wanted):
    made = {}
    for name, item in wanted.items():
        array = np.array(item["values"], dtype=item["dtype"])
        made[name] = np.asfortranarray(array) if item.get("order") == "F" else array
    return made


def scalars():
    zone = dt.timezone(dt.timedelta(hours=8))
    return {
        "float64": np.float64(0.1), "float32": np.float32(0.5), "int64": np.int64(-7),
        "uint8": np.uint8(200), "bool": np.bool_(True), "str": np.str_("涨停"),
        "datetime64": np.datetime64("2020-01-02T03:04:05.000000006", "ns"),
        "datetime64_day": np.datetime64("2020-01-02", "D"),
        "timedelta64": np.timedelta64(90, "s"),
        "timestamp": pd.Timestamp("2020-01-02 03:04:05.000000006"),
        "timestamp_zone": pd.Timestamp("2020-01-02 03:04:05", tz="Asia/Shanghai"),
        "timestamp_utc": pd.Timestamp("2020-01-02 03:04:05", tz="UTC"),
        "nat": pd.NaT, "timedelta": pd.Timedelta("1 days 00:00:01"),
        "datetime": dt.datetime(2020, 1, 2, 3, 4, 5, 6),
        "datetime_utc": dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc),
        "datetime_zone": dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=zone),
        "date": dt.date(2020, 1, 2), "time": dt.time(9, 30), "plain_timedelta": dt.timedelta(1, 2, 3),
    }  # fmt: skip


def objects():
    counted = collections.defaultdict(list)
    counted["a"].append(1)
    return {
        "path": pathlib.Path("/mnt/f/研究/ws"), "posix": pathlib.PurePosixPath("/mnt/f/研究/ws"),
        "windows": pathlib.PureWindowsPath(r"F:\Dev\RD-Agent-main\ws"),
        "relative": pathlib.PurePosixPath("a/b"),
        "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
        "counted": counted, "counter": collections.Counter("aab"),
        "set": {1, 2, 3}, "frozenset": frozenset({5, 6}),
        "slice": slice(0, 9, 2), "complex": complex(1, -2), "bytes": b"\x00\xff", "big": 2**100,
        "bytearray": bytearray(b"ab"), "deque": collections.deque([1, 2]), "range": range(2, 9, 3),
    }  # fmt: skip


def refused():
    made = {
        "period": pd.Period("2020-01", freq="M"), "interval": pd.Interval(0, 1),
        "offset": pd.offsets.BDay(), "function": pd.read_pickle, "fraction": __import__("fractions").Fraction(1, 3),
        "structured": np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")]),
        "period_series": pd.Series(pd.period_range("2020-01", periods=2, freq="M")),
        "interval_series": pd.Series(pd.interval_range(0, 2)),
        "sparse_series": pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.0])),
        "mixed_objects": pd.Series([1, "a", {"b": 2}], dtype=object),
        "functions": pd.DataFrame({"f": [len, print]}),
    }  # fmt: skip
    return made


def main(folder):
    target = HERE / folder
    target.mkdir(exist_ok=True)
    if pd.__version__ < "1.2":
        del EXPECTED["frames"]["nullable"], EXPECTED["indexes"]["hours_away"]
    frames = {name: frame(wanted) for name, wanted in EXPECTED["frames"].items()}
    groups = {
        "frames": {**frames, **shaped_frames(frames)},
        "series": {name: series(wanted) for name, wanted in EXPECTED["series"].items()},
        "indexes": {name: index(levels) for name, levels in EXPECTED["indexes"].items()},
        "arrays": arrays(EXPECTED["arrays"]),
        "scalars": scalars(), "objects": objects(), "refused": refused(),
    }  # fmt: skip
    groups["indexes"]["counted"] = pd.RangeIndex(2, 12, 3, name="row")
    for name, group in groups.items():
        (target / f"{name}.pkl").write_bytes(pickle.dumps(group, protocol=4))
    small = {"ret": frames["ret"].head(3), "metrics": groups["series"]["metrics"].head(3)}
    for protocol in range(6):
        (target / f"protocol{protocol}.pkl").write_bytes(pickle.dumps(small, protocol=protocol))


if __name__ == "__main__":
    main(sys.argv[1])

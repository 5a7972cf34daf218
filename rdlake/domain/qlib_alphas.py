"""List the factors of Qlib's libraries Alpha158 and Alpha360, in the order in which Qlib feeds
them.

They are generated from their families and windows, so no file of Qlib's is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

WINDOWS = (5, 10, 20, 30, 60)
LAGS = range(59, -1, -1)
FIELDS = ("close", "open", "high", "low", "vwap", "volume")
TINY = "1e-12"
"""The number that Qlib adds to a denominator that may be zero."""

_KBARS = {
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "KMID2": f"($close-$open)/($high-$low+{TINY})",
    "KUP": "($high-Greater($open, $close))/$open",
    "KUP2": f"($high-Greater($open, $close))/($high-$low+{TINY})",
    "KLOW": "(Less($open, $close)-$low)/$open",
    "KLOW2": f"(Less($open, $close)-$low)/($high-$low+{TINY})",
    "KSFT": "(2*$close-$high-$low)/$open",
    "KSFT2": f"(2*$close-$high-$low)/($high-$low+{TINY})",
}
_PRICES = ("open", "high", "low", "vwap")
_GAIN = "Sum(Greater(${x}-Ref(${x}, 1), 0), {{d}})"
_LOSS = "Sum(Greater(Ref(${x}, 1)-${x}, 0), {{d}})"
_MOVE = f"(Sum(Abs(${{x}}-Ref(${{x}}, 1)), {{{{d}}}})+{TINY})"
_CHANGE = "Abs($close/Ref($close, 1)-1)*$volume"


def _moves(name: str, field: str) -> dict[str, str]:
    """Return the gains, the losses and their difference as shares of all moves of a field."""
    gain, loss, move = (text.format(x=field) for text in (_GAIN, _LOSS, _MOVE))
    shares = {"P": f"{gain}/{move}", "N": f"{loss}/{move}", "D": f"({gain}-{loss})/{move}"}
    return {f"{name}{letter}": text for letter, text in shares.items()}


_ROLLING = {
    "ROC": "Ref($close, {d})/$close",
    "MA": "Mean($close, {d})/$close",
    "STD": "Std($close, {d})/$close",
    "BETA": "Slope($close, {d})/$close",
    "RSQR": "Rsquare($close, {d})",
    "RESI": "Resi($close, {d})/$close",
    "MAX": "Max($high, {d})/$close",
    "MIN": "Min($low, {d})/$close",
    "QTLU": "Quantile($close, {d}, 0.8)/$close",
    "QTLD": "Quantile($close, {d}, 0.2)/$close",
    "RANK": "Rank($close, {d})",
    "RSV": f"($close-Min($low, {{d}}))/(Max($high, {{d}})-Min($low, {{d}})+{TINY})",
    "IMAX": "IdxMax($high, {d})/{d}",
    "IMIN": "IdxMin($low, {d})/{d}",
    "IMXD": "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}",
    "CORR": "Corr($close, Log($volume+1), {d})",
    "CORD": "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})",
    "CNTP": "Mean($close>Ref($close, 1), {d})",
    "CNTN": "Mean($close<Ref($close, 1), {d})",
    "CNTD": "Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})",
    **_moves("SUM", "close"),
    "VMA": f"Mean($volume, {{d}})/($volume+{TINY})",
    "VSTD": f"Std($volume, {{d}})/($volume+{TINY})",
    "WVMA": f"Std({_CHANGE}, {{d}})/(Mean({_CHANGE}, {{d}})+{TINY})",
    **_moves("VSUM", "volume"),
}


def _alpha158() -> Iterator[tuple[str, str]]:
    yield from _KBARS.items()
    yield from ((f"{field.upper()}0", f"${field}/$close") for field in _PRICES)
    for family, text in _ROLLING.items():
        yield from ((f"{family}{days}", text.format(d=days)) for days in WINDOWS)


def _alpha360() -> Iterator[tuple[str, str]]:
    for field in FIELDS:
        over = f"($volume+{TINY})" if field == "volume" else "$close"
        for lag in LAGS:
            then = f"Ref(${field}, {lag})" if lag else f"${field}"
            yield f"{field.upper()}{lag}", f"{then}/{over}"


ALPHA158: Mapping[str, str] = dict(_alpha158())
ALPHA360: Mapping[str, str] = dict(_alpha360())
LIBRARIES = {"qlib_alpha158": ALPHA158, "qlib_alpha360": ALPHA360}
"""The factors of each library, by the library's name as a source."""

"""Tell whether a text is an expression of Qlib and nothing else.

Qlib evaluates expressions as Python, so this check comes before a text is handed to Qlib.
"""

from __future__ import annotations

import ast
import re

LONGEST = 10_000
_FIELD = re.compile(r"\$\$?[A-Za-z_]\w*")
_PLACE = "_field"
_OPERATORS = frozenset(
    {
        "Abs", "Add", "And", "Corr", "Count", "Cov", "Delta", "Div", "EMA", "Eq", "Ge", "Greater",
        "Gt", "IdxMax", "IdxMin", "If", "Kurt", "Le", "Less", "Log", "Lt", "Mad", "Mask", "Max",
        "Mean", "Med", "Min", "Mul", "Ne", "Not", "Or", "Power", "Quantile", "Rank", "Ref", "Resi",
        "Rsquare", "Sign", "Skew", "Slope", "Std", "Sub", "Sum", "Var", "WMA",
    }
)  # fmt: skip
_PARTS = (
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.Load, ast.operator, ast.unaryop, ast.cmpop,
    ast.Expression,
)  # fmt: skip


def is_qlib_expression(text: str | None) -> bool:
    """Return whether the text has only fields, numbers, Qlib's operators and arithmetic, with
    one field at least."""
    if not text or len(text) > LONGEST or _PLACE in text or not _FIELD.search(text):
        return False
    try:
        tree = ast.parse(_FIELD.sub(_PLACE, text).strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return all(_is_part(node, called) for node in ast.walk(tree))


def _is_part(node: ast.AST, called: set[int]) -> bool:
    """Return whether one node of the syntax tree may stand in an expression."""
    if isinstance(node, ast.Name):
        return node.id in _OPERATORS if id(node) in called else node.id == _PLACE
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and not node.keywords
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int | float) and not isinstance(node.value, bool)
    return isinstance(node, _PARTS)

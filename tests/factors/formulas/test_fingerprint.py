"""Test that every spelling of a formula has one digest, which no other formula has."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rdlake.factors.formulas import expression_fingerprint
from rdlake.factors.formulas.parse import parse_formula
from rdlake.factors.formulas.tokens import UnparsedFormula
from tests.factors.formulas.trees import Tree, key, latex, qlib, trees, worth

chances = st.randoms(use_true_random=False)

ALIKE = {
    "a name in front": (r"MOM_{10} = \frac{P_t}{P_{t-10}} - 1", r"\frac{P_t}{P_{t-10}} - 1"),
    "fraction and stroke": (r"\dfrac{P_t}{P_{t-10}} - 1", "P_t / P_{t - 10}-1"),
    "braces of an index": (r"\frac{\bar{V}_5}{\bar{V}_{20}}", r"\bar V_{5}/\bar{V}_{20}"),
    "size of parentheses": (r"-\left(\frac{P_t}{P_{t-5}} - 1\right)", r"-(P_t/P_{t-5} - 1)"),
    "spaces of LaTeX": (r"a \, \cdot \; b", "b*a"),
    "the order of a sum": ("$close + $open - 1", "-1 + $open + $close"),
    "spelling of numbers": ("Ref($close,10)/$close - 1.0", "Ref($close, 1e1) / $close - 1"),
    "words set as text": (r"\text{Corr}_{10}(a, b)", r"\mathrm{Corr}_{10}(a,b)"),
    "delimiters": (r"$\frac{a}{b}$", "a / b"),
    "a number in front": (r"2 x_{i}", r"x_i \times 2"),
    "power of an index": (r"P_t^2", r"P^{2}_{t}"),
    "plain index": ("P_t / Q_1", r"\frac{P_{t}}{Q_{1}}"),
    "signs of Unicode": ("a − b × c", "a - b * c"),
}  # fmt: skip

UNLIKE = [
    (r"a / b c", r"\frac{a}{b c}"),
    (r"a / b(c)", r"\frac{a}{b(c)}"),
    (r"\sum_i x_i + y", r"(\sum_i x_i) + y"),
    (r"\sum_i (x_i) + y", r"y + \sum_i (x_i)"),
    (r"\log x + y", r"y + \log x"),
    (r"\log x / y", r"\log (x / y)"),
    (r"x^2y", "x^{2y}"),
    (r"x^2y", r"x^2 \cdot y"),
    ("P_tx", "P_{tx}"),
    ("(x)(y)", "x(y)"),
    (r"(x^{y})^z", r"x^{y^z}"),
    (r"{a + b} \cdot c", r"(a + b) \cdot c"),
    ("Ref($close, 5)", "ref($close, 5)"),
    ("Ref($close, 5)", "Ref($close, -5)"),
    ("Corr($close, $open, 5)", "Corr($open, $close, 5)"),
    ("a - b", "b - a"),
    ("a / b", "b / a"),
    ("a / b / c", "a / (b / c)"),
    ("a - (b - c)", "a - b - c"),
    ("-x^2", "(-x)^2"),
    (r"\mathbf{x}", "x"),
    (r"[a]", "(a)"),
    ("10", "100"),
    ("0.1", "0.01"),
    ("$close > $open", "$open > $close"),
    ("x = y = z", "x = z = y"),
    ("mean of open", "open of mean"),
    ("the mean of close", "the meanof close"),
]

PROSE = [
    "close over its mean, ten days ago",
    r"\frac{a}{b",
    r"\begin{cases} a & b \\ c \end{cases}",
    "|a - b|",
    "a ? b : c",
    "动量：过去十日",
    "(" * 100 + "x" + ")" * 100,
    "**".join(["x"] * 3_000),
    "-" * 5_000 + "x",
    "x + " * 30_000 + "x",
    r"\bar " * 3_000 + "x",
    "a" + "_{b" * 200 + "}" * 200,
]


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_one_formula_in_two_spellings_has_one_fingerprint(pair: tuple[str, str]) -> None:
    assert parse_formula(pair[0]) == parse_formula(pair[1])
    assert expression_fingerprint(pair[0]) == expression_fingerprint(pair[1])


@pytest.mark.parametrize("pair", UNLIKE, ids=lambda pair: f"{pair[0]} and {pair[1]}")
def test_two_formulas_have_two(pair: tuple[str, str]) -> None:
    assert expression_fingerprint(pair[0]) != expression_fingerprint(pair[1])


@pytest.mark.parametrize("text", PROSE, ids=lambda text: text[:20])
def test_what_is_not_understood_is_known_by_its_words(text: str) -> None:
    with pytest.raises(UnparsedFormula):
        parse_formula(text)
    spaced = "  " + text.replace(" ", "\n ")
    assert expression_fingerprint(text) == expression_fingerprint(spaced) is not None
    assert expression_fingerprint(text) != expression_fingerprint(text + "y")


@pytest.mark.parametrize("text", [None, "", "  \n"])
def test_nothing_has_no_fingerprint(text: str | None) -> None:
    assert expression_fingerprint(text) is None


@settings(deadline=None)
@given(trees, chances, chances)
def test_a_tree_written_twice_has_one_fingerprint(
    tree: Tree, one: random.Random, other: random.Random
) -> None:
    assert parse_formula(qlib(tree, one)) == parse_formula(qlib(tree, other))
    assert parse_formula(latex(tree, one)) == parse_formula(latex(tree, other))


@settings(deadline=None)
@given(trees, trees, chances)
def test_two_trees_have_two_fingerprints(tree: Tree, other: Tree, chance: random.Random) -> None:
    for written in (qlib, latex):
        alike = parse_formula(written(tree, chance)) == parse_formula(written(other, chance))
        assert alike == (key(tree) == key(other))


@settings(deadline=None)
@given(trees, st.data(), chances)
def test_trees_with_one_fingerprint_are_worth_the_same(
    tree: Tree, data: st.DataObject, chance: random.Random
) -> None:
    other = data.draw(st.sampled_from(near(tree)))
    at = {"$close": Fraction(17, 3), "$open": Fraction(-29, 7), "$volume": Fraction(101, 11)}
    if expression_fingerprint(qlib(tree, chance)) == expression_fingerprint(qlib(other, chance)):
        assert worth(tree, at) == worth(other, at)


@pytest.mark.slow
@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_a_fingerprint(text: str) -> None:
    assert (expression_fingerprint(text) is None) == (not text.split())


@settings(deadline=None)
@given(st.text(alphabet="ab12.e+-*/^_(){}[],=<> \\$", max_size=30))
def test_text_of_marks_has_one_too(text: str) -> None:
    assert (expression_fingerprint(text) is None) == (not text.split())


def near(tree: Tree) -> list[Tree]:
    """Yield trees that differ from this one in one place, by sides or by operator."""
    found: list[Tree] = [tree]
    if len(tree) == 3 and tree[0] in "+-*/":
        operator, left, right = tree
        found += [(operator, right, left), *((each, left, right) for each in "+-*/")]
        found += [(operator, each, right) for each in near(left)]
        found += [(operator, left, each) for each in near(right)]
        if len(right) == 3 and right[0] in "+-*/":
            found.append((right[0], (operator, left, right[1]), right[2]))
    elif len(tree) > 1:
        found += [(tree[0], each, *tree[2:]) for each in near(tree[1])]
    return found

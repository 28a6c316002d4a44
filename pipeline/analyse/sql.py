"""Filters as SQL: a polars expression, as an analysis states it, in words that DuckDB answers.

Only operators that analyses use; any other is refused, so that no filter is told otherwise than it was
applied. Both languages know three truths alike: what compares with a null is unknown, and an unknown row is
left out. What does not belong here: which filter goes with which number (`subjects.py`), running SQL.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import polars as pl

from pipeline.analyse.data import AnalysisError

EPOCH = dt.date(1970, 1, 1)
TRUTHS = {"And": "AND", "Or": "OR"}
OPERATORS = {
    "Eq": "=", "NotEq": "<>", "Lt": "<", "LtEq": "<=", "Gt": ">", "GtEq": ">=",
    "EqValidity": "IS NOT DISTINCT FROM", "NotEqValidity": "IS DISTINCT FROM",
    "Plus": "+", "Minus": "-",
}  # fmt: skip
CALLS = {"FillNull": "coalesce", "Abs": "abs", "MinHorizontal": "least", "MaxHorizontal": "greatest"}
MONTH = {"Literal": {"Scalar": {"String": "1mo"}}}
Node = dict[str, Any]
Names = Callable[[str], str]


def filter_sql(expression: pl.Expr, column: Names) -> str:
    """The expression as SQL that may stand in a chain of AND; `column` gives a column's name in it.

    Raises AnalysisError with the expression's text for what has no words here. Read from polars' JSON of an
    expression, the one public form of it that can be walked.
    """
    try:
        return _truth(json.loads(expression.meta.serialize(format="json")), "And", column)
    except _Unknown as unknown:
        raise AnalysisError(f"no SQL for {unknown} in the filter {expression}") from None


class _Unknown(Exception):
    pass


def _sql(node: Node, column: Names) -> str:
    match node:
        case {"Column": name}:
            return column(name)
        case {"Literal": literal}:
            return _literal(literal)
        case {"BinaryExpr": {"left": left, "op": op, "right": right}} if op in TRUTHS:
            return f"{_truth(left, op, column)} {TRUTHS[op]} {_truth(right, op, column)}"
        case {"BinaryExpr": {"left": left, "op": op, "right": right}} if op in OPERATORS:
            return f"{_part(left, column)} {OPERATORS[op]} {_part(right, column)}"
        case {"BinaryExpr": {"op": op}}:
            raise _Unknown(op)
        case {"Function": {"input": inputs, "function": function}}:
            return _function(function, inputs, column)
    raise _Unknown(next(iter(node)))


def _truth(node: Node, within: str, column: Names) -> str:
    """One side of AND or OR; the other of the two stands in parentheses."""
    match node:
        case {"BinaryExpr": {"op": op}} if op in TRUTHS and op != within:
            return f"({_sql(node, column)})"
    return _sql(node, column)


def _part(node: Node, column: Names) -> str:
    """An operand; in parentheses, but for a name, a literal and a call."""
    match node:
        case {"Column": _} | {"Literal": _}:
            return _sql(node, column)
        case {"Function": {"function": str(name)}} if name in CALLS:
            return _sql(node, column)
        case {"Function": {"function": {"TemporalExpr": "Truncate"}}}:
            return _sql(node, column)
        case {"Function": {"input": [only], "function": {"StringExpr": {"ConcatHorizontal": _}}}}:
            return _part(only, column)
    return f"({_sql(node, column)})"


def _function(function: Any, inputs: list[Node], column: Names) -> str:
    match function:
        case str(name) if name in CALLS:
            return f"{CALLS[name]}({', '.join(_sql(one, column) for one in inputs)})"
        case {"TemporalExpr": {"TotalDays": {"fractional": False}}}:
            return _days_between(inputs[0], column)
        case {"TemporalExpr": "Truncate"} if inputs[1] == MONTH:
            return f"date_trunc('month', {_sql(inputs[0], column)})"
    first, *others = (_part(one, column) for one in inputs)
    match function:
        case {"Boolean": "Not"}:
            return f"NOT {first}"
        case {"Boolean": "IsNull"}:
            return f"{first} IS NULL"
        case {"Boolean": "IsNotNull"}:
            return f"{first} IS NOT NULL"
        case {"Boolean": {"IsBetween": {"closed": "Both"}}}:
            return f"{first} BETWEEN {others[0]} AND {others[1]}"
        case {"Boolean": {"IsIn": {"nulls_equal": False}}}:
            return f"{first} IN {others[0]}"
        case {"StringExpr": {"ConcatHorizontal": {"delimiter": delimiter, "ignore_nulls": False}}}:
            return f" || {text(delimiter)} || ".join([first, *others])
    raise _Unknown(json.dumps(function))


def _days_between(node: Node, column: Names) -> str:
    """The difference of two dates is a duration in polars, and a number of days in DuckDB."""
    match node:
        case {"BinaryExpr": {"op": "Minus"}}:
            return _sql(node, column)
    raise _Unknown("the days of anything but a difference")


def _literal(literal: Any) -> str:
    match literal:
        case {"Dyn": {"Int": number}} | {"Dyn": {"Float": number}}:
            return repr(number)
        case {"Scalar": {"List": _}}:
            packed = io.StringIO(json.dumps({"Literal": literal}))
            values = pl.select(pl.Expr.deserialize(packed, format="json")).item()
            return f"({', '.join(value(one) for one in values)})"
        case {"Scalar": {"Null": _}}:
            return "NULL"
        case {"Scalar": {"String": str(words)}}:
            return text(words)
        case {"Scalar": {"Boolean": bool(truth)}}:
            return value(truth)
        case {"Scalar": {"Date": int(days)}}:
            return value(EPOCH + dt.timedelta(days))
        case {"Scalar": {"Int32": number} | {"Int64": number} | {"Float64": number}}:
            return repr(number)
    raise _Unknown(f"the literal {literal}")


def value(one: str | bool | int | float | dt.date) -> str:
    """A value as SQL writes it; AnalysisError for a null, which is in no list."""
    if isinstance(one, str):
        return text(one)
    if isinstance(one, bool):
        return str(one).upper()
    if isinstance(one, dt.date):
        return f"DATE '{one.isoformat()}'"
    if isinstance(one, int | float):
        return repr(one)
    raise _Unknown(f"the value {one!r}")


def text(words: str) -> str:
    """Text in quotes."""
    return "'" + words.replace("'", "''") + "'"

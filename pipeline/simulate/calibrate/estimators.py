"""The estimators of the search, for many candidate trials at once: arrays are (candidates, patients).

They stand beside `pipeline.stats` because the simulator may not import what it is used to test, and because a
call there looks at one trial where the search looks at hundreds; a test holds each to `pipeline.stats`.
What does not belong here: which figure is wanted, what a candidate is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_STEPS, _CLOSE = 30, 1e-12


@dataclass(frozen=True)
class RiskTable:
    """The events of each candidate in order of time; rows beyond a candidate's last event are not `valid`.

    time, valid, position (of an event among the `deaths` tied with it, from 0), last (of those tied):
    (candidates, events). own, left, at_risk, deaths: (groups, candidates, events): whose event it is; members
    still there if tied events happen one after another; members at risk when the first of them happens; their
    number by group. row: where in the candidate's patients the event is.
    """

    time: Ints
    valid: Flags
    position: Ints
    last: Flags
    own: Flags
    left: Ints
    at_risk: Ints
    deaths: Ints
    row: Ints


def risk_table(time: NDArray[np.integer], event: Flags, group: NDArray[np.integer], groups: int) -> RiskTable:
    """Who is at risk at each event. time: whole days; group: 0, 1, ...; all (candidates, patients)."""
    line = np.arange(len(time))[:, None]
    order = np.argsort(time * 2 + ~event, axis=1, kind="stable")
    happened, member = event[line, order], group[line, order]
    events = max(int(event.sum(axis=1).max()), 1)
    front = np.argsort(~happened, axis=1, kind="stable")[:, :events]
    valid, whose, row = happened[line, front], member[line, front], order[line, front]
    at = time[line, row].astype(np.int64)

    index = np.arange(events)
    first = np.ones(at.shape, bool)
    first[:, 1:] = (at[:, 1:] != at[:, :-1]) | ~valid[:, 1:]
    last = np.ones(at.shape, bool)
    last[:, :-1] = first[:, 1:]
    start = np.maximum.accumulate(np.where(first, index, 0), axis=1)
    end = np.minimum.accumulate(np.where(last, index, events)[:, ::-1], axis=1)[:, ::-1]

    own = np.stack([valid & (whose == k) for k in range(groups)])
    left = np.empty(own.shape, np.int64)
    for k in range(groups):
        those = member == k
        gone = np.cumsum(those, axis=1) - those
        left[k] = those.sum(axis=1)[:, None] - gone[line, front]
    so_far = np.cumsum(own, axis=2)
    return RiskTable(
        time=at,
        valid=valid,
        position=index - start,
        last=last & valid,
        own=own,
        left=left,
        at_risk=left[:, line, start],
        deaths=so_far[:, line, end] - so_far[:, line, start] + own[:, line, start],
        row=row,
    )


def survival(table: RiskTable, group: int, day: float) -> tuple[Floats, Floats]:
    """Kaplan–Meier survival of a group on a day, and Greenwood's standard error of its logarithm.

    Tied deaths taken one after another give the same estimate and, by telescoping, the same variance.
    """
    used = table.own[group] & (table.time <= day)
    n = np.where(used, table.left[group], 2).astype(float)
    with np.errstate(divide="ignore"):
        log_survival = np.where(used, np.log1p(-1 / n), 0.0).sum(axis=1)
        variance = np.where(used, 1 / (n * (n - 1)), 0.0).sum(axis=1)
    return np.exp(log_survival), np.sqrt(variance)


def logrank(table: RiskTable) -> Floats:
    """The log-rank chi-square of the second group against the first."""
    n = table.at_risk.sum(axis=0).astype(float)
    d = table.deaths.sum(axis=0)
    n = np.where(table.valid, n, 2.0)
    share = np.where(table.valid, table.at_risk[1] / n, 0.0)
    variance = share * (1 - share) * (n - d) / np.maximum(n - 1, 1)
    difference = table.own[1].sum(axis=1) - share.sum(axis=1)
    return np.asarray(difference**2 / np.where(table.valid, variance, 0.0).sum(axis=1))


def cox(table: RiskTable) -> tuple[Floats, Floats]:
    """Log hazard ratios to the first group (candidates, groups - 1) and their covariance, ties as Efron's."""
    d = np.maximum(table.deaths.sum(axis=0), 1)
    size = table.at_risk - (table.position / d) * table.deaths
    size = np.where(table.valid, size, 0.0)
    size[0] = np.where(table.valid, size[0], 1.0)  # a row without an event: all weight on the reference
    observed = table.own.sum(axis=2).T.astype(float)
    groups, candidates = observed.shape[1], observed.shape[0]
    coef = np.zeros((candidates, groups))
    for _ in range(_STEPS):
        weight = size * np.exp(coef).T[:, :, None]
        share = weight / weight.sum(axis=0)
        expected = share.sum(axis=2).T[:, 1:]
        information = -np.einsum("icm,jcm->cij", share[1:], share[1:], optimize=True)
        diagonal = np.arange(groups - 1)
        information[:, diagonal, diagonal] += expected
        covariance = np.linalg.pinv(information, hermitian=True)
        step = np.einsum("cij,cj->ci", covariance, observed[:, 1:] - expected)
        coef[:, 1:] += np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < _CLOSE or np.abs(coef).max() > 30:
            break
    return coef[:, 1:], covariance


def interaction(table: RiskTable) -> Floats:
    """Wald's z of treatment by factor; groups: control without and with it, treated without and with it."""
    coef, covariance = cox(table)
    contrast = np.array([-1.0, -1.0, 1.0])
    return np.asarray((coef @ contrast) / np.sqrt(np.einsum("i,cij,j->c", contrast, covariance, contrast)))


def gray(table: RiskTable, interest: Flags) -> Floats:
    """Gray's chi-square of two groups for one cause; interest: patients whose event is of that cause."""
    line = np.arange(len(interest))[:, None]
    cause = interest[line, table.row]
    both = np.minimum(table.at_risk[0], table.at_risk[1]) > 0  # with one group left nothing is compared
    died = _by_tie(table, table.own & cause) * both
    other = _by_tie(table, table.own & ~cause) * both
    y = np.maximum(table.at_risk, 1).astype(float)
    d = died.sum(axis=0)
    after = np.cumprod(1 - (died + other) / y, axis=2)
    before = np.concatenate([np.ones_like(after[:, :, :1]), after[:, :, :-1]], axis=2)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse_h = before / y
        h = np.where((table.at_risk > 0) & (before > 0), y / before, 0.0)
        h_all = np.maximum(h.sum(axis=0), 1e-300)
        common = np.where(d > 0, d / h_all, 0.0)
        free = 1 - np.cumsum(common, axis=1)
        free_before = np.concatenate([np.ones_like(free[:, :1]), free[:, :-1]], axis=1)
        risk = h * (1 - _earlier(died * inverse_h))
        score = (died[0] - np.where(d > 0, risk[0] * d / risk.sum(axis=0), 0.0)).sum(axis=1)
        tied = 1 - np.where(d > 1, (d - 1) / (before * h_all - 1), 0.0)
        total = np.maximum(other - 1, 0) / np.maximum(y - 1, 1)
        of_cause = common * inverse_h * tied
        of_other = other * (1 - total) * inverse_h**2
        ratio = np.where(after > 0, free / after, 0.0)
        jump = np.where(free_before != 0, common / free_before, 0.0)
    weight = np.stack([h[0] * h[1], -h[0] * h[1]]) / h_all
    later = _earlier((weight * jump)[:, :, ::-1])[:, :, ::-1]
    b = ratio * later
    a = weight + later - b
    variance: Floats = (a**2 * of_cause + b**2 * of_other).sum(axis=(0, 2))
    return np.asarray(score**2 / variance)


def _by_tie(table: RiskTable, mine: Flags) -> Floats:
    """Events of each (group, candidate) counted at the last of those tied, 0 elsewhere."""
    so_far = np.cumsum(mine, axis=2)
    at_last = np.where(table.last, so_far, 0)
    earlier = np.maximum.accumulate(at_last, axis=2)
    shifted = np.concatenate([np.zeros_like(earlier[:, :, :1]), earlier[:, :, :-1]], axis=2)
    return np.where(table.last, so_far - shifted, 0).astype(float)


def _earlier(values: Floats) -> Floats:
    out = np.zeros_like(values)
    np.cumsum(values[..., :-1], axis=-1, out=out[..., 1:])
    return out

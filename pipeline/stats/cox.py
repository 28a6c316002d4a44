"""Cox regression, and the treatment-by-factor interaction read from it.

Definitions follow coxph of R's survival package, down to its stopping rule; times are compared exactly as
given, as R does with `timefix = FALSE`. What does not belong here: curves and tests without a model
(`survival`), choosing covariates, display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pipeline.stats.inference import chi2_tail, chi2_test, dependent_columns, normal_quantile, normal_tails
from pipeline.stats.risk_table import (
    Cells,
    Floats,
    Ints,
    Labels,
    as_codes,
    as_events,
    as_levels,
    as_times,
    cells,
)

Ties = Literal["efron", "breslow"]

# R's coxph.control: the relative change of the log likelihood at which it stops, and its iterations.
_EPS, _ITERATIONS = 1e-9, 20
# A step to a linear predictor beyond this is halved: squares of its exp() must stay in range.
_FARTHEST = 300.0


@dataclass(frozen=True)
class Cox:
    """A fitted proportional hazards model: p coefficients with Wald statistics, and three global tests.

    hr, lower, upper are on the hazard scale. Columns without information beyond the others are aliased:
    their values are nan and their rows of the covariance 0, as in R. loglik_null is at zero coefficients.
    score, wald and lr are chi-squares on the number of columns not aliased. monotone: the likelihood still
    rises along some coefficient (its estimate may be infinite), so its estimate and interval mean nothing.
    """

    coef: Floats
    se: Floats
    covariance: Floats
    p: Floats
    hr: Floats
    lower: Floats
    upper: Floats
    loglik_null: float
    loglik: float
    score: float
    wald: float
    lr: float
    iterations: int
    aliased: NDArray[np.bool_]
    converged: bool
    monotone: bool


def cox(
    time: ArrayLike,
    event: ArrayLike,
    x: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
    level: float = 0.95,
) -> Cox:
    """Cox regression by Newton–Raphson from zero with R's stopping rule, so that estimates agree to rounding.

    time, event, strata: (n,). x: (n, p) or (n,) numeric covariates without missing values.
    """
    times = as_times(time)
    events = as_events(event, times.size)
    covariates = np.asarray(x, dtype=float)
    covariates = covariates[:, None] if covariates.ndim == 1 else covariates
    if covariates.ndim != 2 or covariates.shape[0] != times.size or covariates.shape[1] == 0:
        raise ValueError(f"x has shape {np.shape(x)}, wanted ({times.size}, p) with p >= 1")
    if not np.isfinite(covariates).all():
        raise ValueError("x has missing or infinite values")
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties must be efron or breslow, not {ties!r}")
    z = normal_quantile(level)

    # Centred and scaled covariates keep exp() and the pivots in range; the estimates are scaled back.
    centre, scale = covariates.mean(axis=0), covariates.std(axis=0)
    scale[scale <= 1e-14 * np.abs(centre)] = 1.0
    likelihood = _PartialLikelihood(cells(times, strata), events, (covariates - centre) / scale, ties)
    fit = _newton(likelihood, covariates.shape[1])

    variance = fit.inverse / np.outer(scale, scale)
    coef, spread = fit.coef / scale, np.diag(variance)
    # where the information has vanished along the way to an infinite estimate, nothing bounds it
    exhausted = ~fit.aliased & (spread <= 0)
    se = np.sqrt(np.where(exhausted, np.inf, spread))
    coef[fit.aliased] = se[fit.aliased] = np.nan
    with np.errstate(over="ignore"):
        hr, lower, upper = np.exp(coef), np.exp(coef - z * se), np.exp(coef + z * se)
    return Cox(
        coef=coef,
        se=se,
        covariance=variance,
        p=normal_tails(coef / se),
        hr=hr,
        lower=lower,
        upper=upper,
        loglik_null=fit.loglik_null,
        loglik=fit.loglik,
        score=fit.score,
        wald=float(fit.coef @ fit.information @ fit.coef),
        lr=2 * (fit.loglik - fit.loglik_null),
        iterations=fit.iterations,
        aliased=fit.aliased,
        converged=fit.converged,
        monotone=fit.monotone or bool(exhausted.any()),
    )


class _PartialLikelihood:
    """The log partial likelihood, its gradient and its information, as a function of the coefficients.

    Rows that share cell and covariates are merged first (a trial with few covariate patterns and times in
    days shrinks to its times), then sums over risk sets are cumulative sums from the end of each stratum.
    """

    def __init__(self, table: Cells, event: Ints, x: Floats, ties: Ties) -> None:
        cell, weight, deaths, x = _merge(table, event, x)
        p = x.shape[1]
        self.bounds = np.searchsorted(cell, table.bounds)
        self.weight, self.x = weight, x
        self.upper_triangle = np.triu_indices(p)
        left, right = self.upper_triangle
        # columns 1, x, and the distinct products x x', one covariate per row so that sums run along memory
        self.basis = np.vstack([np.ones(len(x)), x.T, x[:, left].T * x[:, right].T])

        died = np.flatnonzero(deaths)
        cell_of_death = cell[died]
        begins = np.flatnonzero(np.diff(cell_of_death, prepend=-1))
        self.first_row = np.searchsorted(cell, cell_of_death[begins])
        self.died, self.begins, self.deaths = died, begins, deaths[died].astype(float)
        self.died_x = self.deaths @ x[died]
        self.per_cell = np.add.reduceat(deaths[died], begins) if died.size else np.zeros(0, dtype=np.int64)
        self.efron = ties == "efron" and bool((self.per_cell > 1).any())
        if self.efron:
            # Efron: the j-th of d tied deaths sees the risk set without j/d of the tied patients
            self.tied = np.repeat(np.arange(begins.size), self.per_cell)
            self.tied_begins = np.cumsum(self.per_cell) - self.per_cell
            self.fraction = (np.arange(self.tied.size) - self.tied_begins[self.tied]) / self.per_cell[
                self.tied
            ]

    def __call__(self, coef: Floats) -> tuple[float, Floats, Floats]:
        """Log likelihood, gradient (p,) and information (p, p) at coef (p,)."""
        p = coef.size
        if self.died.size == 0:
            return 0.0, np.zeros(p), np.zeros((p, p))
        linear = self.x @ coef
        if not np.abs(linear).max() < _FARTHEST:
            return -np.inf, np.zeros(p), np.zeros((p, p))
        hazard = np.exp(linear)
        terms = self.basis * (hazard * self.weight)
        risk = np.empty((terms.shape[0], self.begins.size))
        edges = np.searchsorted(self.first_row, self.bounds)
        for start, stop, low, high in zip(
            self.bounds[:-1], self.bounds[1:], edges[:-1], edges[1:], strict=True
        ):
            sums = np.cumsum(terms[:, start:stop][:, ::-1], axis=1)
            risk[:, low:high] = sums[:, stop - 1 - self.first_row[low:high]]
        loglik = float(self.deaths @ linear[self.died])
        if not self.efron:
            loglik -= float(self.per_cell @ np.log(risk[0]))
            once = self.per_cell / risk[0]
            first = risk[1:] @ once
            mean = risk[1 : p + 1] / risk[0]
            squares = (mean * self.per_cell) @ mean.T
        else:
            own = self.basis[:, self.died] * (hazard[self.died] * self.deaths)
            own = np.add.reduceat(own, self.begins, axis=1)
            size = risk[0][self.tied] - self.fraction * own[0][self.tied]
            loglik -= float(np.log(size).sum())
            inverse = 1 / size
            share = self.fraction * inverse
            once, once_own, twice, mixed, twice_own = np.add.reduceat(
                [inverse, share, inverse**2, inverse * share, share**2], self.tied_begins, axis=1
            )
            first = risk[1:] @ once - own[1:] @ once_own
            risk_x, own_x = risk[1 : p + 1], own[1 : p + 1]
            cross = (risk_x * mixed) @ own_x.T
            squares = (risk_x * twice) @ risk_x.T - cross - cross.T + (own_x * twice_own) @ own_x.T
        information = np.empty((p, p))
        information[self.upper_triangle] = first[p:]
        information.T[self.upper_triangle] = first[p:]
        return loglik, self.died_x - first[:p], information - squares


def _merge(table: Cells, event: Ints, x: Floats) -> tuple[Ints, Floats, Ints, Floats]:
    """Rows in cell order as (cell, weight, deaths, x), merged where cell and covariates coincide."""
    pattern = _patterns(x)
    if pattern is not None:
        codes, rows = pattern
        k, m = len(rows), table.time.size
        if m * k <= 2 * event.size:
            counts = table.tally(codes + k * event, 2 * k)
            deaths = counts[k:].T.ravel()
            weight = deaths + counts[:k].T.ravel()
            kept = np.flatnonzero(weight)
            return kept // k, weight[kept].astype(float), deaths[kept], rows[kept % k]
    order = np.argsort(table.row, kind="stable")
    return table.row[order], np.ones(event.size), event[order], x[order]


def _patterns(x: Floats, limit: int = 64) -> tuple[Ints, Floats] | None:
    """The distinct rows of x and each row's index, or None if there are more than `limit`."""
    codes, rows = np.zeros(len(x), dtype=np.int64), np.zeros((1, 0))
    for column in x.T:
        if np.unique(column[:1000]).size > limit:
            return None
        values, code = np.unique(column, return_inverse=True)
        if values.size > limit:
            return None
        codes = codes * values.size + code
        present = np.flatnonzero(np.bincount(codes))
        if present.size > limit:
            return None
        rows = np.column_stack([rows[present // values.size], values[present % values.size]])
        position = np.empty(present[-1] + 1, dtype=np.int64)
        position[present] = np.arange(present.size)
        codes = position[codes]
    return codes, rows


@dataclass(frozen=True)
class _Fit:
    coef: Floats
    information: Floats
    inverse: Floats
    loglik_null: float
    loglik: float
    score: float
    iterations: int
    aliased: NDArray[np.bool_]
    converged: bool
    monotone: bool


def _newton(likelihood: _PartialLikelihood, p: int) -> _Fit:
    coef = np.zeros(p)
    loglik, gradient, information = likelihood(coef)
    loglik_null = loglik
    # with scaled covariates an event carries information of about 1: constant within strata, it has none
    aliased = dependent_columns(information, size=float(likelihood.deaths.sum()))
    inverse = _inverse(information, aliased)
    score = float(gradient @ inverse @ gradient)
    step = inverse @ gradient
    iterations, halvings, converged = 0, 0, bool(aliased.all())
    while not converged and iterations < _ITERATIONS:
        iterations += 1
        trial, previous = coef + step, loglik
        trial_loglik, trial_gradient, trial_information = likelihood(trial)
        converged = not halvings and abs(trial_loglik - previous) <= _EPS * abs(trial_loglik)
        if not converged and not trial_loglik >= previous:  # lower, or not a number
            halvings += 1
            step = step / (halvings + 1)
            continue
        halvings, coef, loglik, information = 0, trial, trial_loglik, trial_information
        inverse = _inverse(information, aliased)
        step = inverse @ trial_gradient
    monotone = not aliased.all() and bool(
        (np.abs(step) > np.maximum(_EPS, np.sqrt(_EPS) * np.abs(coef))).any()
    )
    return _Fit(
        coef, information, inverse, loglik_null, loglik, score, iterations, aliased, converged, monotone
    )


def _inverse(information: Floats, aliased: NDArray[np.bool_]) -> Floats:
    """The inverse over the columns not aliased, 0 elsewhere."""
    used = np.flatnonzero(~aliased)
    out = np.zeros_like(information)
    out[np.ix_(used, used)] = np.linalg.pinv(information[np.ix_(used, used)], hermitian=True, rcond=0.0)
    return out


@dataclass(frozen=True)
class LevelHazard:
    """The treatment's hazard ratio within one level of a factor."""

    level: Any
    hr: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Interaction:
    """Treatment by factor: Wald and likelihood-ratio tests of the product terms, hazard ratios per level.

    model holds the columns treatment, one indicator per factor level after the first, then their products.
    """

    wald: float
    wald_p: float
    lr: float
    lr_p: float
    df: int
    levels: tuple[LevelHazard, ...]
    main: Cox
    model: Cox


def interaction(
    time: ArrayLike,
    event: ArrayLike,
    treatment: ArrayLike,
    factor: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
    level: float = 0.95,
) -> Interaction:
    """Does the treatment's hazard ratio differ between the levels of a factor.

    treatment: (n,) 0 or 1. factor: (n,) labels, at least two. The P of record is Wald's.
    """
    times = as_times(time)
    treated = as_codes(treatment, "treatment", times.size)
    if treated.min() != 0 or treated.max() != 1:
        raise ValueError("treatment must hold both 0 and 1 and nothing else")
    levels, code = as_levels(factor, "factor", times.size)
    if levels.size < 2:
        raise ValueError("factor needs at least two different values")
    dummies = code[:, None] == np.arange(1, levels.size)
    columns = np.column_stack([treated, dummies])
    products = dummies * treated[:, None]
    main = cox(times, event, columns, strata=strata, ties=ties, level=level)
    full = cox(times, event, np.column_stack([columns, products]), strata=strata, ties=ties, level=level)

    terms = np.flatnonzero(~full.aliased[levels.size :]) + levels.size
    wald, df, wald_p = chi2_test(full.coef[terms], full.covariance[np.ix_(terms, terms)])
    lr = 2 * (full.loglik - main.loglik)
    return Interaction(
        wald=wald,
        wald_p=wald_p,
        lr=lr,
        lr_p=chi2_tail(lr, df) if df else float("nan"),
        df=df,
        levels=tuple(_within(full, i, levels, level) for i in range(levels.size)),
        main=main,
        model=full,
    )


def _within(model: Cox, i: int, levels: Labels, level: float) -> LevelHazard:
    which = [0] if i == 0 else [0, levels.size + i - 1]
    coef = model.coef[which].sum()
    se = np.sqrt(model.covariance[np.ix_(which, which)].sum())
    z = normal_quantile(level)
    with np.errstate(over="ignore"):
        hr, lower, upper = np.exp([coef, coef - z * se, coef + z * se])
    return LevelHazard(levels[i], float(hr), float(lower), float(upper))

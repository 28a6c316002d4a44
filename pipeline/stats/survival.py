"""Right-censored survival: Kaplan–Meier, log-rank, Cox and the treatment-by-factor interaction.

Definitions follow R's survival package (2.36-10 of 2011 and 3.5-3 agree on all of them); times are
compared exactly as given, as R does with `timefix = FALSE`. What does not belong here: competing risks
(`competing`), group-sequential bounds, display.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

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

Interval = Literal["log", "log-log", "plain"]
Ties = Literal["efron", "breslow"]

# Two survival probabilities closer than this are one (R's sqrt(.Machine$double.eps)).
_SAME_SURVIVAL = 1.5e-8
# R's coxph.control: relative change of the log likelihood, iterations, pivot of an aliased column.
_COX_EPS, _COX_ITERATIONS, _COX_PIVOT = 1e-9, 20, np.finfo(float).eps ** 0.75


@dataclass(frozen=True)
class KaplanMeier:
    """A survival curve: its value at each distinct time (m,), right-continuous, as in R's survfit.

    n_risk counts those at risk just before the time. std_err is Greenwood's, of S(t) itself. Limits are
    (1, 1) while S = 1 and missing (nan), like std_err, where S = 0.
    """

    time: Floats
    n_risk: Ints
    n_event: Ints
    n_censor: Ints
    survival: Floats
    std_err: Floats
    lower: Floats
    upper: Floats

    def at(self, times: ArrayLike) -> KaplanMeierAt:
        """The curve at any times: S(t) with its limits, and the number with time >= t."""
        times = np.atleast_1d(np.asarray(times, dtype=float))
        step = np.searchsorted(self.time, times, side="right")
        at_risk = np.append(self.n_risk, 0)[np.searchsorted(self.time, times, side="left")]
        return KaplanMeierAt(
            time=times,
            n_risk=at_risk,
            survival=np.append(1.0, self.survival)[step],
            std_err=np.append(0.0, self.std_err)[step],
            lower=np.append(1.0, self.lower)[step],
            upper=np.append(1.0, self.upper)[step],
        )

    def quantile(self, p: float = 0.5) -> tuple[float, float, float]:
        """The time by which a share p has failed, with Brookmeyer–Crowley limits; nan where not reached.

        R's rule for the median (`print.survfit`): the first time S <= 1 - p, or the middle of the flat
        stretch on which S = 1 - p if the curve falls below it later; the limits by the same rule.
        """
        if not 0 < p < 1:
            raise ValueError(f"p must lie between 0 and 1, not {p}")
        return tuple(
            _first_below(self.time, curve, 1 - p) for curve in (self.survival, self.lower, self.upper)
        )  # type: ignore[return-value]


@dataclass(frozen=True)
class KaplanMeierAt:
    """A survival curve read at chosen times (k,)."""

    time: Floats
    n_risk: Ints
    survival: Floats
    std_err: Floats
    lower: Floats
    upper: Floats


def _first_below(time: Floats, curve: Floats, level: float) -> float:
    reached = np.flatnonzero(curve < level + _SAME_SURVIVAL)  # false where the curve is nan
    if reached.size == 0:
        return float("nan")
    first = reached[0]
    if abs(curve[first] - level) < _SAME_SURVIVAL:
        later = reached[curve[reached] < curve[first]]
        if later.size:
            return float((time[first] + time[later[0]]) / 2)
    return float(time[first])


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, level: float = 0.95, interval: Interval = "log"
) -> KaplanMeier:
    """The Kaplan–Meier estimate with Greenwood's variance; limits on the log scale, as R's default.

    time: (n,) finite, any unit. event: (n,) 1 event, 0 censored. ValueError names the argument at fault.
    """
    times = as_times(time)
    events = as_events(event, times.size)
    z = _two_sided_z(level)
    table = cells(times)
    n_censor, n_event = table.tally(events, 2)
    n_risk = table.at_risk(n_censor + n_event)
    survival = np.cumprod((n_risk - n_event) / n_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.sqrt(np.cumsum(n_event / (n_risk * (n_risk - n_event.astype(float)))))
        std_err = survival * greenwood
        if interval == "log":
            lower = np.exp(np.log(survival) - z * greenwood)
            upper = np.minimum(np.exp(np.log(survival) + z * greenwood), 1.0)
        elif interval == "log-log":
            log_survival = np.log(survival)
            width = z * greenwood / log_survival
            lower = np.exp(log_survival * np.exp(-width))
            upper = np.exp(log_survival * np.exp(width))
        elif interval == "plain":
            lower = np.maximum(survival - z * std_err, 0.0)
            upper = np.minimum(survival + z * std_err, 1.0)
        else:
            raise ValueError(f"interval must be log, log-log or plain, not {interval!r}")
    whole, gone = survival == 1, survival == 0
    lower[whole] = upper[whole] = 1.0
    lower[gone] = upper[gone] = np.nan
    return KaplanMeier(table.time.astype(float), n_risk, n_event, n_censor, survival, std_err, lower, upper)


def reverse_kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, level: float = 0.95, interval: Interval = "log"
) -> KaplanMeier:
    """Potential follow-up: the Kaplan–Meier estimate with censoring as the event (Schemper, Smith 1996)."""
    times = as_times(time)
    return kaplan_meier(times, 1 - as_events(event, times.size), level=level, interval=interval)


@dataclass(frozen=True)
class LogRank:
    """A K-group test: chi-square, degrees of freedom, P; per group observed and expected; (K, K) variance.

    groups gives the order. A group that is never at risk at an event counts no degree of freedom; with
    fewer than two groups left there is no test: chisq 0, df 0, p nan.
    """

    chisq: float
    df: int
    p: float
    groups: Labels
    observed: Floats
    expected: Floats
    variance: Floats


def logrank(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, *, strata: ArrayLike | None = None, rho: float = 0.0
) -> LogRank:
    """The two-sided log-rank test of K groups, or the G-rho test with weights S(t-)^rho, as R's survdiff.

    time, event, group, strata: (n,). With strata, observed, expected and variance are sums over strata.
    """
    times = as_times(time)
    events = as_events(event, times.size)
    levels, group_of = as_levels(group, "group", times.size)
    k = levels.size
    if k < 2:
        raise ValueError("group needs at least two different values")
    table = cells(times, strata)
    counts = table.tally(group_of + k * events, 2 * k)
    died = counts[k:]
    at_risk = table.at_risk(counts[:k] + died)
    n, d = at_risk.sum(axis=0).astype(float), died.sum(axis=0)
    weight = _survival_before(table, n, d) ** rho if rho else np.ones(n.size)
    hit = np.flatnonzero(d > 0)
    n, d, weight, died = n[hit], d[hit], weight[hit], died.take(hit, axis=1)
    share = at_risk.take(hit, axis=1) / n
    observed, expected = (died * weight).sum(axis=1), (share * (weight * d)).sum(axis=1)
    # with one patient left at risk (n = 1, so d = 1) the hypergeometric variance is 0
    spread = weight**2 * d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    used = expected > 0
    df = max(int(used.sum()) - 1, 0)
    chisq = (
        _quadratic_form((observed - expected)[used][1:], variance[np.ix_(used, used)][1:, 1:]) if df else 0.0
    )
    return LogRank(chisq, df, _chi2_tail(chisq, df), levels, observed, expected, variance)


def _survival_before(table: Cells, n: Floats, d: Ints) -> Floats:
    """S(t-) of each cell, from all groups of its stratum together."""
    step = 1 - d / n
    out = np.ones_like(step)
    for stratum in table.strata():
        out[stratum][1:] = np.cumprod(step[stratum][:-1])
    return out


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
    z = _two_sided_z(level)

    # Centred and scaled covariates keep exp() and the pivots in range; the estimates are scaled back.
    centre, scale = covariates.mean(axis=0), covariates.std(axis=0)
    scale[scale <= 1e-14 * np.abs(centre)] = 1.0
    likelihood = _PartialLikelihood(cells(times, strata), events, (covariates - centre) / scale, ties)
    fit = _newton(likelihood, covariates.shape[1])

    variance = fit.inverse / np.outer(scale, scale)
    coef, se = fit.coef / scale, np.sqrt(np.maximum(np.diag(variance), 0))
    coef[fit.aliased] = se[fit.aliased] = np.nan
    with np.errstate(over="ignore"):
        hr, lower, upper = np.exp(coef), np.exp(coef - z * se), np.exp(coef + z * se)
    return Cox(
        coef=coef,
        se=se,
        covariance=variance,
        p=_normal_two_sided(coef / se),
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
        monotone=fit.monotone,
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
        with np.errstate(over="ignore"):
            hazard = np.exp(linear)
        if not np.isfinite(hazard).all():
            return -np.inf, np.zeros(p), np.zeros((p, p))
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
    aliased = _aliased(information)
    inverse = _inverse(information, aliased)
    score = float(gradient @ inverse @ gradient)
    step = inverse @ gradient
    iterations, halvings, converged = 0, 0, bool(aliased.all())
    while not converged and iterations < _COX_ITERATIONS:
        iterations += 1
        trial, previous = coef + step, loglik
        trial_loglik, trial_gradient, trial_information = likelihood(trial)
        converged = not halvings and abs(trial_loglik - previous) <= _COX_EPS * abs(trial_loglik)
        if not converged and not trial_loglik >= previous:  # lower, or not a number
            halvings += 1
            step = step / (halvings + 1)
            continue
        halvings, coef, loglik, information = 0, trial, trial_loglik, trial_information
        inverse = _inverse(information, aliased)
        step = inverse @ trial_gradient
    monotone = not aliased.all() and bool(
        (np.abs(step) > np.maximum(_COX_EPS, np.sqrt(_COX_EPS) * np.abs(coef))).any()
    )
    return _Fit(
        coef, information, inverse, loglik_null, loglik, score, iterations, aliased, converged, monotone
    )


def _aliased(information: Floats) -> NDArray[np.bool_]:
    """Columns whose Cholesky pivot vanishes, in order: the later of two collinear columns, as in R."""
    p = len(information)
    rest, aliased = information.copy(), np.zeros(p, dtype=bool)
    smallest = _COX_PIVOT * np.diag(information).max(initial=0.0)
    for i in range(p):
        pivot = rest[i, i]
        if pivot <= smallest:
            aliased[i] = True
            continue
        rest[i + 1 :, i + 1 :] -= np.outer(rest[i + 1 :, i], rest[i, i + 1 :]) / pivot
    return aliased


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
    df = terms.size
    wald = _quadratic_form(full.coef[terms], full.covariance[np.ix_(terms, terms)]) if df else float("nan")
    lr = 2 * (full.loglik - main.loglik) if df else float("nan")
    return Interaction(
        wald=wald,
        wald_p=_chi2_tail(wald, df),
        lr=lr,
        lr_p=_chi2_tail(lr, df),
        df=df,
        levels=tuple(_within(full, i, levels, level) for i in range(levels.size)),
        main=main,
        model=full,
    )


def _within(model: Cox, i: int, levels: Labels, level: float) -> LevelHazard:
    which = [0] if i == 0 else [0, levels.size + i - 1]
    coef = model.coef[which].sum()
    se = np.sqrt(model.covariance[np.ix_(which, which)].sum())
    z = _two_sided_z(level)
    with np.errstate(over="ignore"):
        hr, lower, upper = np.exp([coef, coef - z * se, coef + z * se])
    return LevelHazard(levels[i], float(hr), float(lower), float(upper))


def _quadratic_form(vector: Floats, variance: Floats) -> float:
    return float(vector @ np.linalg.solve(variance, vector))


def _two_sided_z(level: float) -> float:
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return float(ndtri(1 - (1 - level) / 2))


def _normal_two_sided(z: Floats) -> Floats:
    from scipy.special import ndtr

    tail: Floats = 2 * ndtr(-np.abs(z))
    return tail


def _chi2_tail(chisq: float, df: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(df, chisq)) if df else float("nan")

"""From scores and variances to chi-squares and P values, for every test of this package.

What does not belong here: any count, any estimate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.stats.risk_table import Floats

# R's coxph.control(toler.chol): a pivot below this share of the largest variance is none.
_PIVOT = np.finfo(float).eps ** 0.75


def dependent_columns(matrix: Floats, size: float = 0.0) -> NDArray[np.bool_]:
    """Which columns of a variance or information matrix (p, p) hold nothing beyond the earlier ones.

    size: how large a diagonal entry would ordinarily be, where the matrix may be nothing but rounding.
    """
    rest, dependent = matrix.copy(), np.zeros(len(matrix), dtype=bool)
    smallest = _PIVOT * np.diag(matrix).max(initial=size)
    for i, row in enumerate(rest):
        if row[i] <= smallest:
            dependent[i] = True
        else:
            rest[i + 1 :, i + 1 :] -= np.outer(row[i + 1 :], row[i + 1 :]) / row[i]
    return dependent


def chi2_test(score: Floats, variance: Floats) -> tuple[float, int, float]:
    """Chi-square, degrees of freedom (the rank of the variance) and P of a score; (0, 0, nan) at rank 0."""
    used = np.flatnonzero(~dependent_columns(variance))
    if used.size == 0:
        return 0.0, 0, float("nan")
    chisq = float(score[used] @ np.linalg.solve(variance[np.ix_(used, used)], score[used]))
    return chisq, used.size, chi2_tail(chisq, used.size)


def chi2_tail(chisq: float, df: int) -> float:
    """P of a chi-square on df degrees of freedom."""
    from scipy.special import chdtrc

    return float(chdtrc(df, chisq))


def normal_tails(z: Floats) -> Floats:
    """The two-sided P of standard normal values."""
    from scipy.special import ndtr

    p: Floats = 2 * ndtr(-np.abs(z))
    return p


def normal_quantile(level: float) -> float:
    """How many standard errors a two-sided interval extends; ValueError unless 0 < level < 1."""
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    return float(ndtri(1 - (1 - level) / 2))

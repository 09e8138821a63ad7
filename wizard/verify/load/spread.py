"""Whether a load was spread as evenly as chance spreads it: Pearson's chi-square test against equal shares.

Written out, since the alternative is a dependency on SciPy for one function. Tested against published tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_PRECISION = 1e-14
_MOST_STEPS = 10_000


def p_value(counts: Sequence[int]) -> float | None:
    """How often chance alone would spread `sum(counts)` independent flows at least as unevenly as this, 0 to 1.

    A tiny value says that the shares are not equal; a large one does not say that they are. The counts must be of
    things that a balancer decides about one by one: connections, not requests on one connection. None when there is
    nothing to compare: fewer than two places, or fewer than five flows expected at each, below which the
    approximation does not hold (Cochran's rule).
    """
    if len(counts) < 2 or sum(counts) < 5 * len(counts):
        return None
    expected = sum(counts) / len(counts)
    statistic = sum((count - expected) ** 2 for count in counts) / expected
    return chi_square_survival(statistic, len(counts) - 1)


def chi_square_survival(statistic: float, degrees: int) -> float:
    """P(X >= statistic) for a chi-square variable: the regularised upper incomplete gamma function Q(k/2, x/2)."""
    return _upper_gamma(degrees / 2, statistic / 2)


def _upper_gamma(a: float, x: float) -> float:
    """Q(a, x) by the series of P below a + 1 and by Legendre's continued fraction above, where each converges fast.

    (Abramowitz and Stegun, 6.5.29 and 6.5.31; the fraction is evaluated by the modified Lentz method.)
    """
    if x <= 0:
        return 1.0
    scale = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for step in range(1, _MOST_STEPS):
            term *= x / (a + step)
            total += term
            if term < total * _PRECISION:
                break
        return max(0.0, 1 - scale * total)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / b
    fraction = d
    for step in range(1, _MOST_STEPS):
        numerator = -step * (step - a)
        b += 2
        d = 1 / (_away_from_zero(numerator * d + b, tiny))
        c = _away_from_zero(b + numerator / c, tiny)
        fraction *= c * d
        if abs(c * d - 1) < _PRECISION:
            break
    return scale * fraction


def _away_from_zero(value: float, tiny: float) -> float:
    return tiny if abs(value) < tiny else value

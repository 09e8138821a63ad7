"""The chi-square test against published tables, and against what the word means."""

from __future__ import annotations

import math
import random

import pytest

from wizard.verify.load.spread import chi_square_survival, p_value


@pytest.mark.parametrize(
    ("statistic", "degrees", "p"),
    [
        # critical values of the NIST/SEMATECH handbook, 1.3.6.7.4
        (3.841, 1, 0.05),
        (6.635, 1, 0.01),
        (10.828, 1, 0.001),
        (5.991, 2, 0.05),
        (18.307, 10, 0.05),
        (23.209, 10, 0.01),
        (124.342, 100, 0.05),
        (149.449, 100, 0.001),
    ],
)
def test_critical_values(statistic: float, degrees: int, p: float) -> None:
    assert chi_square_survival(statistic, degrees) == pytest.approx(p, rel=2e-3)


@pytest.mark.parametrize("x", [1e-6, 0.1, 1.0, 3.0, 7.5, 50.0, 400.0])
def test_closed_forms(x: float) -> None:
    assert chi_square_survival(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-10)
    assert chi_square_survival(x, 1) == pytest.approx(math.erfc(math.sqrt(x / 2)), rel=1e-9)
    assert chi_square_survival(x, 4) == pytest.approx(math.exp(-x / 2) * (1 + x / 2), rel=1e-10)


def test_edges() -> None:
    assert chi_square_survival(0, 5) == 1
    assert chi_square_survival(1e6, 3) == 0
    assert 0.49 < chi_square_survival(199.3, 200) < 0.52


def test_too_little_to_say_anything() -> None:
    assert p_value([]) is None
    assert p_value([500]) is None
    assert p_value([4, 5]) is None
    assert p_value([5, 5]) == 1


def test_a_fair_balancer_is_suspected_as_often_as_the_level_says() -> None:
    chance = random.Random(11)
    suspected = 0
    for _ in range(400):
        counts = [0, 0, 0]
        for _ in range(300):
            counts[chance.randrange(3)] += 1
        p = p_value(counts)
        assert p is not None
        suspected += p < 0.05
    assert 5 <= suspected <= 40  # 20 expected, standard deviation 4.4

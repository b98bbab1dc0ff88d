"""Modes of the kinetic equation against the closed forms of the parabola."""

import math

import numpy as np
import pytest
import sympy as sp

from eyring.errors import AccuracyError, ParameterError
from eyring.numerics.exact import relaxation_modes
from eyring.theory.sde import SDE

x, v = sp.symbols("x v", real=True)


def kinetic(friction, temperature, force=x - x**3):
    gamma, T = sp.Rational(str(friction)), sp.Rational(str(temperature))
    return SDE([v, force - gamma * v], [[0, 0], [0, gamma * T]], [x, v])


@pytest.mark.parametrize("friction", [5.0, 1.0])
def test_the_slowest_mode_of_a_parabola_is_linear(friction):
    """phi = a x + v with a = gamma - lambda, lambda = (gamma - sqrt(gamma^2 - 4 h))/2; h = 1/10."""
    (mode,) = relaxation_modes(kinetic(friction, 0.3, -x / 10))
    rate = (friction - math.sqrt(friction**2 - 0.4)) / 2
    at, speed = np.array([0.3, -1.0, 2.0, 0.0]), np.array([0.2, 0.5, -0.4, 1.0])
    ratio = mode.backward(at, speed) / ((friction - rate) * at + speed)
    assert mode.rate.value == pytest.approx(rate, rel=1e-11)
    assert np.abs(ratio / ratio[0] - 1).max() < 1e-11
    assert mode.frequency == 0
    assert mode.error < 1e-10


def test_a_swinging_walker_has_modes_in_pairs():
    """gamma = 1, h = 1: lambda = (1 -+ i sqrt 3)/2; phi is linear with a = gamma - lambda."""
    first, second = relaxation_modes(kinetic(1, 0.3, -x), count=2)
    assert first.frequency == pytest.approx(-second.frequency, rel=1e-10)
    assert abs(first.frequency) == pytest.approx(math.sqrt(3) / 2, rel=1e-11)
    assert first.rate.value == pytest.approx(0.5, rel=1e-11)
    a = 1 - complex(0.5, first.frequency)
    at, speed = np.array([0.3, -1.0, 0.5]), np.array([0.2, 0.5, -0.4])
    ratio = first.backward(at, speed) / (a * at + speed)
    assert np.abs(ratio / ratio[0] - 1).max() < 1e-10


@pytest.mark.parametrize(
    ("sde", "options", "kind", "words"),
    [
        (kinetic(0.001, 0.05), {}, AccuracyError, "friction gamma = 0.001 is too small"),
        (SDE([v, -x + v], [[0, 0], [0, 1]], [x, v]), {}, ParameterError, "friction and temperature must be positive"),
    ],
)
def test_what_has_no_kinetic_mode_is_refused_with_the_reason(sde, options, kind, words):
    with pytest.raises(kind, match=words):
        relaxation_modes(sde, **options)

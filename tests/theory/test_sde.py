"""SDEs: conversion between the calculi, and what cannot be written."""

import pytest
import sympy as sp

import eyring as ey
from eyring.errors import EyringError, NotApplicable

x, y = sp.symbols("x y", real=True)


def test_ito_drift_is_drift_plus_q_times_the_slope_of_the_noise():
    """q = 0, 1/2, 1 for Ito, Stratonovich, anti-Ito; in 1-D the added drift is q D'."""
    D = 1 + x**2
    for calculus, q in (("ito", 0), ("stratonovich", sp.Rational(1, 2)), ("anti-ito", 1)):
        assert sp.expand(ey.SDE(-x, D, [x], calculus=calculus).ito().drift[0] - (-x + q * 2 * x)) == 0


def test_anti_ito_adds_the_divergence_of_the_matrix():
    """In n dimensions sum_j d_j D_ij, for any D."""
    D = sp.Matrix([[1 + y**2, x * y], [x * y, 2 + x**2]])
    drift = ey.SDE([-x, -y], D, [x, y], calculus="anti-ito").ito().drift
    assert drift.applyfunc(sp.expand) == sp.Matrix([-x + x, -y + y]).applyfunc(sp.expand)


def test_the_density_of_each_calculus_solves_the_converted_equation():
    """p = D^(q - 1) exp(int f/D): a second road to the same conversion."""
    for calculus in ("ito", "stratonovich", "anti-ito"):
        sde = ey.SDE(x - x**3, 1 + x**2, [x], calculus=calculus)
        assert ey.fokker_planck(sde).residual(ey.stationary(sde).density) == 0


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: ey.SDE(-x, 1, [x], calculus="malliavin"), EyringError, "calculus must be one of ito, stratonovich, anti-ito"),
        (lambda: ey.SDE([-x], 1, [x, y]), EyringError, "2 coordinates need a drift of 2 components and a 2 x 2 diffusion matrix"),
        (lambda: ey.SDE([-x, -y], sp.Matrix([[1, 1], [0, 1]]), [x, y]), EyringError, "a diffusion matrix must be symmetric"),
        (
            lambda: ey.SDE([-x, -y], sp.Matrix([[1 + y**2, 0], [0, 1]]), [x, y], calculus="stratonovich").ito(),
            NotApplicable,
            "which root of D multiplies the noise",
        ),
        (
            lambda: ey.SDE(-x, sp.Piecewise((1, x < 0), (2, True)), [x], calculus="anti-ito").ito(),
            NotApplicable,
            "pushes walkers like a delta function",
        ),
        (lambda: ey.SDE([sp.nan], 1, [x]), EyringError, "a drift must be real and finite"),
        (lambda: ey.SDE([sp.I * x], 1, [x]), EyringError, "a drift must be real and finite"),
        (lambda: ey.SDE(-x, -1, [x]), EyringError, "must not be negative in any direction; the one given has the eigenvalue -1"),
        (lambda: ey.SDE(-x, 1, [x], clock=0), EyringError, "the clock, the time of one iteration, must be positive, got 0"),
    ],
)
def test_what_cannot_be_written_is_refused(build, error, message):
    """Each with the reason."""
    with pytest.raises(error, match=message):
        build()

"""Crossovers judged by roots of exact quantities: eigenvalues at the saddle, passage times, spectra and integrals."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

import mpmath
import sympy as sp

from eyring.numerics.exact import exact_escape_time, relaxation_rates
from eyring.numerics.roads.contract import Limit, Road, Trial
from eyring.theory.sde import SDE

__all__ = ["CorrectionFelt", "ForgottenAtLast", "FrozenIntegral", "RiskOfQuadratics", "RiskOfTheSettled", "SaddleFriction", "SaddleMomentum"]

X, T = sp.Symbol("x", real=True), sp.Symbol("T", positive=True)


class SaddleFriction(Road):
    """Find the friction at which the growth rate of the linear motion at the saddle, by eigenvalues, is |lambda_b|/gamma over 1 + err."""

    result = "overdamped-friction"
    method = "root in the friction of the saddle's eigenvalue"

    def trials(self) -> Sequence[Trial]:
        """Flat and sharp saddles, small and large tolerances."""
        cases = [tuple(map(Fraction, case)) for case in (("-3/2", "1/10"), ("-2/5", "1/3"), ("-4", "1/50"))]
        return [Trial({"lambda_b": bend, "err": err}, _friction(-bend, err), 1e-20) for bend, err in cases]


class SaddleMomentum(Road):
    """The same root in the momentum, by gamma = (1 - mu)/sqrt(eta)."""

    result = "overdamped-momentum"
    method = "root in the momentum of the saddle's eigenvalue"

    def trials(self) -> Sequence[Trial]:
        """Small and large learning rates."""
        cases = [tuple(map(Fraction, case)) for case in (("-3/2", "1/10", "1/20"), ("-2/5", "1/3", "1/5"), ("-4", "1/50", "1/1000"))]
        with mpmath.workdps(40):
            return [
                Trial({"lambda_b": bend, "err": err, "eta": eta}, 1 - mpmath.sqrt(_real(eta)) * _friction(-bend, err), 1e-20)
                for bend, err, eta in cases
            ]


class FrozenIntegral(Road):
    """Integrate L'/D from minimum to saddle for D in proportion to L, and for D as it is at the minimum."""

    result = "loss-noise-shortfall"
    method = "quadrature of L'/D along the way"

    def trials(self) -> Sequence[Trial]:
        """Low and high barriers over the loss at the minimum."""
        rows = []
        with mpmath.workdps(30):
            for low, high, batch, rate, bend in (("1/5", "3/4", 3, "1/20", "7/4"), ("2", "5/2", 5, "1/30", "3/2"), ("1/30", "3", 2, "1/10", "5/3")):
                a, b = (_real(Fraction(v)) for v in (low, high))
                slope, level = (lambda u, g=b - a: 6 * g * u * (1 - u)), (lambda u, a=a, g=b - a: a + g * u**2 * (3 - 2 * u))
                growing = mpmath.quad(lambda u, slope=slope, level=level: slope(u) / level(u), [0, 0.25, 0.5, 1])
                frozen = mpmath.quad(lambda u, slope=slope, a=a: slope(u) / a, [0, 1])
                values = {"L_a": Fraction(low), "L_b": Fraction(high), "B": batch, "eta": Fraction(rate), "H_a": Fraction(bend)}
                rows.append(Trial(values, (frozen - growing) * _real(batch / (Fraction(rate) * Fraction(bend))), 1e-12))
        return rows


class CorrectionFelt(Limit):
    """Find the temperature at which the exact passage time exceeds Kramers' by the fraction err, for ever smaller err."""

    result = "first-correction-noise"
    method = "root in the temperature of the exact passage time over Kramers'"
    tolerance = 2e-3

    def trials(self) -> Sequence[Trial]:
        """Two lopsided wells, one left to the right and one to the left."""
        quartic = X**4 / 4 - X**3 / 10 - X**2 / 2
        sextic = 4 * X**2 * (X - 1) ** 2 * (1 + sp.Rational(3, 5) * X**2) - X / 20
        return [*_felt("quartic", quartic, (1.05, 0.0, -0.95), 0.01), *_felt("sextic", sextic, (0.02, 0.48, 1.0), 0.004)]


class ForgottenAtLast(Limit):
    """Take the exact forgetting time of two equally deep wells, the inverse of the Fokker-Planck gap, for the training time."""

    result = "batch-size-of-selection"
    method = "Fokker-Planck spectrum of two equally deep wells, ever weaker noise"
    kept = 1
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Two shapes; eta and sigma fixed, the batch grows."""
        rows = []
        for name, sharper, eta, sigma in (
            ("mild", Fraction(3, 5), Fraction(3, 10), Fraction(7, 10)),
            ("strong", Fraction(8, 5), Fraction(1, 5), Fraction(3, 2)),
        ):
            for noise, local, time in _settling(sharper):
                values = {**local, "eta": eta, "sigma": sigma, "t": time}
                rows.append(Trial(values, _real(eta * sigma**2 / (2 * noise)), smallness=float(noise), group=name))
        return rows


class RiskOfQuadratics(Limit):
    """Take n D/2 at the noise whose exact forgetting time is the training time: this feels the prefactor inside the logarithm."""

    result = "risk-after-time"
    method = "equipartition at the noise whose spectral gap is 1/t"
    kept = 1
    tolerance = 1e-2

    def trials(self) -> Sequence[Trial]:
        """Two shapes, in 2 and in 3 dimensions."""
        return [
            Trial({**local, "n": n, "t": time}, _real(n * noise / 2), smallness=float(noise), group=f"{n}")
            for n, sharper in ((2, Fraction(3, 5)), (3, Fraction(8, 5)))
            for noise, local, time in _settling(sharper)
        ]


class RiskOfTheSettled(Limit):
    """Integrate the loss over the Gibbs density of the noise whose forgetting time is the training time; n - 1 further directions are quadratic."""

    result = "risk-after-time"
    method = "quadrature of the loss over Gibbs' density, at the noise whose spectral gap is 1/t"
    tolerance = 3e-3

    def trials(self) -> Sequence[Trial]:
        """Two shapes, in 2 and in 3 dimensions."""
        rows = []
        for n, sharper in ((2, Fraction(3, 5)), (3, Fraction(8, 5))):
            for noise, local, time in _settling(sharper):
                risk = _mean_loss(sharper, noise) + _real((n - 1) * noise / 2)
                rows.append(Trial({**local, "n": n, "t": time}, risk, smallness=float(noise), group=f"{n}"))
        return rows


def _friction(bend: Fraction, err: Fraction) -> mpmath.mpf:
    with mpmath.workdps(40):
        descent = _real(bend)

        def excess(gamma: mpmath.mpf) -> mpmath.mpf:
            rates = mpmath.eig(mpmath.matrix([[0, 1], [descent, -gamma]]), left=False, right=False)
            return descent / gamma / max(mpmath.re(r) for r in rates) - 1 - _real(err)

        guess = mpmath.sqrt(descent / _real(err))
        return mpmath.findroot(excess, (0.6 * guess, 1.1 * guess), solver="anderson", tol=1e-60, maxsteps=200)


def _felt(name: str, loss: sp.Expr, guesses: Sequence[float], first: float) -> Iterator[Trial]:
    """Yield the temperature at which the correction is 3, 2.1, 1.5 and 1 per cent."""
    a, b, target = (sp.nsolve(sp.diff(loss, X), X, g, prec=30) for g in guesses)
    side = 1 if b > a else -1
    local = {f"L{k}_{place}": side**k * sp.diff(loss, X, k).subs(X, u) for place, u in (("a", a), ("b", b)) for k in (3, 4)}
    bends = {f"H_{place}": sp.diff(loss, X, 2).subs(X, u) for place, u in (("a", a), ("b", b))}
    barrier, root = loss.subs(X, b) - loss.subs(X, a), sp.sqrt(-bends["H_a"] * bends["H_b"])
    sde = SDE(-sp.diff(loss, X), T, [X])

    def excess(noise: float) -> float:
        exact = exact_escape_time(sde, start=float(a), target=float(target), values={"T": noise}).log
        return float(mpmath.expm1(exact - float(barrier) / noise - float(mpmath.log(2 * mpmath.pi / float(root)))))

    for err in (0.03, 0.021, 0.015, 0.01):
        one, two = first, 1.2 * first
        at_one, at_two = excess(one) - err, excess(two) - err
        for _ in range(7):
            if abs(at_two) < 1e-11 or at_two == at_one:
                break
            one, two, at_one = two, two - at_two * (two - one) / (at_two - at_one), at_two
            at_two = excess(two) - err
        yield Trial({**local, **bends, "err": err}, two, smallness=err, group=name)


def _settling(sharper: Fraction) -> Iterator[tuple[Fraction, dict[str, sp.Expr], float]]:
    """Yield noise strength, local data and the inverse gap of V = 4 x^2 (x - 1)^2 (1 + a x^2), whose minima are equally deep."""
    loss = _equal_wells(sharper)
    saddle = sp.nsolve(sp.diff(loss, X), X, 0.5, prec=30)
    bend = sp.diff(loss, X, 2)
    local = {"H_1": bend.subs(X, 0), "H_2": bend.subs(X, 1), "H_b": bend.subs(X, saddle), "dL": loss.subs(X, saddle)}
    sde = SDE(-sp.diff(loss, X), T, [X])
    for noise in (Fraction(1, 50), Fraction(1, 65), Fraction(1, 85), Fraction(1, 110)):
        (gap,) = relaxation_rates(sde, values={"T": float(noise)})
        yield noise, local, 1 / float(gap)


def _equal_wells(sharper: Fraction) -> sp.Expr:
    return 4 * X**2 * (X - 1) ** 2 * (1 + sp.Rational(sharper.numerator, sharper.denominator) * X**2)


def _mean_loss(sharper: Fraction, noise: Fraction) -> mpmath.mpf:
    with mpmath.workdps(15):
        loss, strength = sp.lambdify(X, _equal_wells(sharper), "mpmath"), _real(noise)
        moments = [
            mpmath.quad(
                lambda u, k=k: loss(u) ** k * mpmath.exp(-loss(u) / strength), [-1, -0.3, 0, 0.3, 0.5, 0.8, 1, 1.2, 2], method="gauss-legendre"
            )
            for k in (0, 1)
        ]
        return moments[1] / moments[0]


def _real(number: Fraction) -> mpmath.mpf:
    return mpmath.mpf(number.numerator) / number.denominator

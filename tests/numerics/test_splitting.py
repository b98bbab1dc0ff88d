"""Splitting: the rate of escapes too rare to wait for, against exact answers; what it costs; what its intervals cover.

Seeds are fixed. What must lie in its 99.9 % interval has a false alarm of 0.1 % for a fresh seed.
"""

import numpy as np
import pytest
import sympy as sp

import eyring as ey

x, y, v = sp.symbols("x y v", real=True)
STEP = 0.01
QUARTIC = ey.Landscape(x**4 / 4 - x**2 / 2, [x])


def quartic(diffusion):
    return ey.SDE(x - x**3, diffusion, [x])


def split(sde, **options):
    return ey.split_escapes(sde, **{"start": -1, "event": sp.Gt(x, 0.9), "time_step": STEP, "seed": 3, "particles": 300, "runs": 20, **options})


def exact(diffusion):
    return float(ey.exact_escape_time(quartic(diffusion), start=-1, target=0.9))


def times_fewer(seen, rate, step=1.0):
    """Return how many times fewer steps splitting takes to 10 % than brute force, which waits for 100 events."""
    return 100 / rate / step / (seen.steps / len(seen.rates) * (seen.spread / 0.1) ** 2)


def holds(seen, rate, half_width):
    """Whether the 99.9 % interval holds the rate, and is narrow enough that no factor could hide."""
    found = seen.rate(level=0.999)
    return found.low < rate < found.high and found.relative_half_width < half_width


@pytest.mark.parametrize(("diffusion", "half_width"), [(1 / 40, 0.25), (1 / 80, 0.35)])
def test_mean_time_over_a_high_barrier_is_the_exact_one(diffusion, half_width):
    """exp(10) and exp(20) relaxation times."""
    assert holds(split(quartic(diffusion)), 1 / exact(diffusion), half_width)


def test_over_a_low_barrier_it_is_the_mean_time_from_the_start():
    """Barrier 0.8 D: the rate of walkers that have forgotten their start is 14 % higher."""
    assert holds(split(quartic(sp.Rational(3, 10)), particles=1000, time_step=0.004), 1 / exact(sp.Rational(3, 10)), 0.06)


def test_a_poor_reaction_coordinate_is_unbiased():
    """By the loss, which is as high on the outer wall as at the saddle."""
    seen = split(quartic(1 / 40), reaction="loss", event="to the saddle")
    assert holds(seen, 1 / float(ey.exact_escape_time(quartic(1 / 40), start=-1, target=0)), 0.5)


@pytest.mark.long
def test_a_growing_function_of_the_coordinate_is_as_good_as_the_coordinate():
    """Only the order of heights decides who is copied; the committor of one dimension is such a function."""
    assert holds(split(quartic(1 / 40), reaction=sp.exp(x)), 1 / exact(1 / 40), 0.25)
    named, plain = (split(quartic(1 / 40), event="next well", runs=2, reaction=r) for r in ("committor", None))
    assert np.array_equal(named.rates, plain.rates)


def test_noise_that_depends_on_the_place():
    """Twice as strong at the saddle as in the well; frozen at the well's strength the escape would take ten times as long, and more."""
    sde = ey.SDE(x - x**3, 1 / (20 * (1 + x**2)), [x], landscape=QUARTIC)
    tau = float(ey.exact_escape_time(sde, start=-1, target=0.9))
    assert holds(split(sde), 1 / tau, 0.25)
    assert exact(1 / 40) > 10 * tau


@pytest.mark.long
def test_in_ten_dimensions_transverse_directions_change_nothing():
    """Nine springs of their own beside the double well."""
    others = sp.symbols("y1:10", real=True)
    sde = ey.SDE([x - x**3, *(-k * s for k, s in enumerate(others, start=1))], sp.eye(10) / 40, [x, *others])
    assert holds(split(sde, start=[-1] + [0] * 9), 1 / exact(1 / 40), 0.25)


BENT = ey.Landscape((x**2 - 1) ** 2 / 4 + (y + x**2) ** 2, [x, y])
BENT_GAP = 2.53314909556609e-06  # relaxation_rates(bent())[0]


def bent():
    """A valley that turns by 63 degrees between well and saddle; barrier 12 D, curvatures 11.7 and 0.34 in the well."""
    return ey.SDE([-sp.diff(BENT.expression, c) for c in (x, y)], sp.eye(2) / 48, [x, y], landscape=BENT)


@pytest.mark.long
@pytest.mark.parametrize(("reaction", "spread"), [pytest.param(None, 0.9, marks=pytest.mark.exhaustive), ("committor", 0.6)])
def test_in_a_bent_valley(reaction, spread):
    """Against half the spectral gap; the committor of the problem along the way out spreads less than the saddle's direction."""
    seen = split(bent(), start=(-1, -1), event="next well", time_step=0.005, particles=100, runs=30, reaction=reaction)
    assert holds(seen, BENT_GAP / 2, 0.6)
    assert seen.spread < spread and times_fewer(seen, BENT_GAP / 2, 0.005) > 100


def test_the_gap_of_the_bent_valley_is_the_one_quoted():
    assert float(ey.relaxation_rates(bent(), count=1)[0]) == pytest.approx(BENT_GAP, rel=1e-4)


@pytest.mark.exhaustive
def test_the_kinetic_gaps_are_the_ones_quoted():
    for friction, gap in KINETIC_GAPS.items():
        assert float(ey.relaxation_rates(kinetic(friction), count=1)[0]) == pytest.approx(gap, rel=1e-6)


HOT = sp.Rational(1, 48)  # a barrier of 12 T
KINETIC_GAPS = {1: 1.6745971635430864e-06, sp.Rational(1, 10): 2.1963886492809973e-06}  # relaxation_rates(kinetic(friction))[0]


def kinetic(friction):
    return ey.SDE([v, -friction * v + x - x**3], sp.diag(0, friction * HOT), [x, v])


@pytest.mark.parametrize(("friction", "reaction"), [(1, None), pytest.param(sp.Rational(1, 10), None, marks=pytest.mark.exhaustive)])
def test_momentum_switches_wells_at_half_the_kinetic_gap(friction, reaction):
    """Walkers are ordered by the saddle's growing combination of x and v, and by energy where friction is weak."""
    seen = split(kinetic(friction), event="next well", time_step=0.05, runs=40, reaction=reaction)
    assert holds(seen, KINETIC_GAPS[friction] / 2, 0.25)
    assert seen.spread < 0.5 and times_fewer(seen, KINETIC_GAPS[friction] / 2, 0.05) > 100


@pytest.mark.long
def test_the_optimizer_with_momentum_switches_wells_as_its_sde():
    """At eta = 0.0025, where the SDE's error is a few thousandths; one iteration is sqrt(eta) of time."""
    dynamics = ey.MomentumSGD(learning_rate=0.0025, momentum=0.95, batch_size=1)
    noise = ey.noise.Covariance([[2 * (1 - 0.95) * HOT / 0.0025]])
    seen = ey.split_escapes(dynamics, QUARTIC, noise, start=-1, event="next well", particles=300, runs=40, seed=1)
    rate = KINETIC_GAPS[1] / 2 * 0.0025**0.5
    assert holds(seen, rate, 0.2)
    assert times_fewer(seen, rate) > 100


def optimizer(strength, rate, **options):
    """Return runs of SGD in the double well with this gradient covariance, and the exact mean number of its steps."""
    noise, values = ey.noise.Covariance([[sp.nsimplify(strength)]]), {"eta": rate}
    tau = float(ey.exact_chain_time(ey.SGD(), QUARTIC, noise, start=-1, target=1, values=values).per_iteration)
    return ey.split_escapes(ey.SGD(), QUARTIC, noise, start=-1, event="next well", values=values, **{"seed": 5, **options}), tau


def test_discrete_optimizer_against_its_own_chain():
    """The steps are the truth: SGD at eta = 0.1 over a barrier of 12.5, whose chain needs no small parameter.

    A step leaps over many levels at once. A copy that does not count as having been where it begins is killed again and again for it, which doubles
    the spread of the runs.
    """
    seen, tau = optimizer(0.4, 0.1, runs=40)
    assert holds(seen, 1 / tau, 0.13)
    assert seen.spread < 0.22 and times_fewer(seen, 1 / tau) > 300


def test_leaps_from_the_bottom_to_the_event_are_counted():
    """Steps as wide as the well, sixteen to an escape: every seventh event comes from below the rim at once."""
    seen, tau = optimizer(4, 0.3, runs=40)
    assert holds(seen, 1 / tau, 0.02)


@pytest.mark.parametrize(("runs", "spread"), [(3, 0.3), (5, 0.3), (20, 0.6)])
def test_student_s_interval_of_the_logarithm_covers_what_it_says(runs, spread):
    """1000 samples of lognormal runs; four standard deviations of a binomial below 94 %, as it is for the widest."""
    width = np.log1p(spread**2)
    draws = np.exp(np.sqrt(width) * np.random.default_rng(1).standard_normal((1000, runs)) - width / 2)
    found = [ey.SplitExits(rates=d, chances=d, steps=1, unit="1/time").rate() for d in draws]
    assert 0.91 < np.mean([f.low <= 1 <= f.high for f in found]) < 0.975


def coverage(repetitions):
    """Return which 95 % intervals of ten runs hold the optimizer's exact rate; ten runs know it to 9 %, as 120 events would."""
    seen, tau = optimizer(1, 0.1, particles=70, runs=10 * repetitions)
    groups = [ey.SplitExits(rates=r, chances=r, steps=1, unit=seen.unit).rate() for r in seen.rates.reshape(repetitions, 10)]
    assert 0.06 < np.median([g.relative_half_width for g in groups]) / 2.26 < 0.1
    return np.array([g.low <= 1 / tau <= g.high for g in groups])


def test_intervals_hold_the_exact_rate():
    """Of 60, at least 50: false alarm 2e-4."""
    assert coverage(60).sum() >= 50


@pytest.mark.exhaustive
def test_coverage_of_the_intervals():
    """1000 repetitions: between 93 and 97 % of the 95 % intervals hold the exact rate of this step; false alarm 0.4 %."""
    inside = coverage(1000).sum()
    print(f"\n{inside} of 1000 intervals hold the exact rate")
    assert 930 <= inside <= 970


@pytest.mark.exhaustive
@pytest.mark.parametrize(("height", "least", "bias"), [(10, 300, 0.02), (15, 2e4, 0.02), (20, 2e6, 0.04)])
def test_steps_against_brute_force(height, least, bias):
    """400 runs: steps to 10 % error against 100 waiting times, and the 99 % interval of the bias; 0.3 % of it is the time step's."""
    diffusion = 1 / (4 * height)
    seen = split(quartic(diffusion), particles=4000, runs=400)
    truth = 1 / exact(diffusion)
    ratio, rate = times_fewer(seen, truth, STEP), seen.rate(level=0.99)
    print(f"\nbarrier/D {height}: {ratio:.4g} times fewer steps; rate/exact {rate.value / truth:.4f}"
          f" [{rate.low / truth:.4f}, {rate.high / truth:.4f}] (99 %)")
    assert ratio > least
    assert abs(rate.low / truth - 1) < bias and abs(rate.high / truth - 1) < bias

"""What the REPL prints of an exact answer: its numbers in a line, never the arrays behind it."""

import pytest
import sympy as sp

import eyring as ey

x, y, v = sp.symbols("x y v", real=True)
LINE = ey.SDE(x - x**3, sp.Rational(1, 10), [x])
PLANE = ey.SDE([x - x**3, -y], sp.eye(2) / 10, [x, y])
LOSS = ey.Landscape(x**4 / 4 - x**2 / 2 + y**2 / 2, [x, y])

ANSWERS = {
    "escape time": lambda: ey.exact_escape_time(LINE, start=-1, target=1),
    "compiled escape time": lambda: ey.compile_escape_time(LINE, start=-1, target=1),
    "relaxation rates": lambda: ey.relaxation_rates(LINE, count=2),
    "relaxation mode": lambda: ey.relaxation_modes(LINE),
    "leaking well": lambda: ey.quasi_stationary(LINE, start=-1, exits=0),
    "relaxation mode in the plane": lambda: ey.relaxation_modes(PLANE),
    "leaking well in the plane": lambda: ey.quasi_stationary(PLANE, start=(-1, 0), exits=x > 0),
    "quasipotential": lambda: ey.quasipotential(PLANE, start=(-1, 0), end=(0, 0)),
    "its orbit": lambda: ey.quasipotential(PLANE, start=(-1, 0), end=(0, 0)).instanton,
    "sharp time": lambda: ey.sharp_escape_time(PLANE, start=(-1, 0), over=(0, 0), event="next well"),
    "path of least energy": lambda: ey.minimum_energy_path(LOSS, start=(-1, 0), end=(1, 0)),
    "saddles": lambda: ey.find_saddles(LOSS, start=(-1, 0)),
    "splitting": lambda: ey.split_escapes(LINE, start=-1, event="to the saddle", particles=20, runs=2, seed=1, threads=1),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_prints_as_numbers_in_a_line(name):
    shown = repr(ANSWERS[name]())
    assert len(shown) < 400, shown[:400]
    assert not any(inner in shown for inner in ("array(", "<function", "object at", "nan")), shown

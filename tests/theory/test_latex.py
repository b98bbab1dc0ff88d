"""LaTeX: textbook order of terms, and a document with every derivation that pdflatex accepts."""


import pytest
import sympy as sp

import eyring as ey
from eyring.theory.writing.latex import document, expression_latex

x, y = sp.symbols("x y", real=True)
T = ey.GLOSSARY["T"].symbol


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (1 + 3 * T / 2, r"1 + \frac{3 T}{2}"),
        (x**4 / 4 - x**2 / 2, r"\frac{x^{4}}{4} - \frac{x^{2}}{2}"),
        (-ey.GLOSSARY["L_a"].symbol + ey.GLOSSARY["L_b"].symbol, "L_b - L_a"),
        (ey.GLOSSARY["eta"].symbol / 2, r"\frac{\eta}{2}"),
        (1 - ey.GLOSSARY["mu"].symbol, r"1 - \mu"),
    ],
)
def test_terms_stand_in_textbook_order(expression, expected):
    """A constant before small terms, falling powers in a loss, no leading minus."""
    assert expression_latex(expression) == expected


def everything():
    """Every derivation there is: SDEs, stationary laws and escape theories, with the published form."""
    local = ey.landscapes.local()
    a, b = local.critical_points
    well, plane = ey.Landscape(x**4 / 4 - x**2 / 2, [x]), ey.Landscape(x**2 / 2 + x * y / 4 + y**2, [x, y])
    sgd, momentum, white = (d.sde(local, ey.noise.Isotropic()) for d in (ey.SGD(), ey.MomentumSGD(), ey.WhiteNoiseGD()))
    hessian = ey.SGD().sde(local, ey.noise.Hessian())
    stationary = [
        white_well := ey.WhiteNoiseGD().sde(well),
        ey.MomentumSGD().sde(well, ey.noise.Isotropic()),
        ey.SGD().sde(plane, ey.noise.Isotropic()),
    ]
    laws = [*map(ey.stationary, stationary), ey.stationary(ey.SDE(x - x**3, T * (1 + x**2), [x]))]
    surface = ey.landscapes.styblinski_tang(3)
    formulas = [
        ey.escape_time(sgd, start=a, over=b, event="next well"),
        ey.escape_time(hessian, start=a, over=b, event="next well"),
        ey.escape_time(hessian, start=a, over=b, event="next well", published=True),
        ey.escape_time(momentum, start=a, over=b, event="next well").per_iteration,
        ey.escape_time(white, start=a, over=b, event="to the saddle", theory="eyring-kramers"),
        ey.escape_time(white_well, start=-1, over=0, event="to the saddle", order=1),
        ey.escape_time(ey.SDE(x - x**3, T * (1 + x**2), [x], calculus="stratonovich"), start=-1, over=0, event="to the saddle"),
        ey.escape_time(ey.WhiteNoiseGD().sde(surface), start=surface.minima()[0], over=surface.saddles()[0], event="next well"),
    ]
    return [d.derivation for d in (*laws, *formulas)]


def test_a_document_with_all_derivations_compiles(compiled):
    """Every kind of derivation, with the published forms."""
    compiled(document(everything()))


def test_steps_of_a_formula_print_as_an_align_with_assumptions_and_sources():
    """Numbered lines, reasons, assumptions, and what is cited."""
    tau = ey.escape_time(ey.SDE(x - x**3, T, [x]), start=-1, over=0, event="next well")
    text = tau.latex(steps=True)
    assert text.count(r"\begin{align}") == 1
    assert text.count(r"\tag{") == len(tau.derivation.steps)
    assert "Assumptions" in text
    assert "cited: gardiner2009" in text
    assert tau._repr_latex_() == f"$\\displaystyle {tau.latex()}$"

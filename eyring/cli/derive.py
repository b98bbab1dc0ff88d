"""The verb ``derive``: an escape time, an SDE or a stationary law, with its derivation."""

import argparse
import json
import sys
from dataclasses import replace
from typing import Any

import sympy as sp

from eyring.cli.model import dynamics_of, landscape_of, points_of, sde_of, values_of
from eyring.errors import EyringError, ParameterError
from eyring.theory.derivation import Derivation
from eyring.theory.formula import Formula
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.potential import landscape_of as landscape_behind
from eyring.theory.regime import Condition
from eyring.theory.sde import SDE

__all__ = ["run"]

OUT_OF_REGIME = 3
OF_A_MODEL = ("loss", "dynamics", "noise", "switch", "covariance", "sample", "event", "start", "over", "theory", "order")


def run(arguments: argparse.Namespace) -> int:
    """Derive what was asked for and print it; 3 if the numbers given lie outside its conditions."""
    if arguments.all == (arguments.what is not None):
        raise ParameterError("derive takes escape, sde, stationary or the name of a result (`eyring list` prints them), or --all")
    if arguments.all:
        return _all(arguments)
    return {"escape": _escape, "sde": _sde, "stationary": _stationary}.get(arguments.what, _result)(arguments)


def _all(arguments: argparse.Namespace) -> int:
    """Print the whole catalogue: a line each, one LaTeX appendix, or JSON."""
    from eyring.theory.results import results

    _demand_only(arguments, "--all prints every result as it is: it takes --latex and --json", ("set", "published", "per_iteration"))
    derived = {r: r.derive() for r in results().values()}
    if arguments.latex:
        from eyring.theory.writing.appendix import appendix

        print(appendix(derived))
    elif arguments.json:
        value = {r.name: _formula_dict(f, {}) | _derivation_dict(f.derivation) for r, f in derived.items()}
        print(json.dumps({"value": value, "unit": None, "error": None, "conditions": []}, indent=2))
    else:
        for r, f in derived.items():
            print(f"{r.name}: {f.expression}    [{f.unit}]")
    return 0


def _result(arguments: argparse.Namespace) -> int:
    from eyring.theory.results import result

    chosen = result(arguments.what)
    takes = f"the result {chosen.name} is general: it takes --set, --published, --per-iteration, --latex, --json"
    _demand_only(arguments, f"{takes}; ask `derive escape` for a loss of your own")
    values, published = values_of(arguments), chosen.published() if arguments.published else None
    formula = published or chosen.derive()
    if arguments.published and published is None:
        same = (
            "the form in print is told in words; this is the derived one"
            if chosen.published_note
            else "no form in print differs from this derived one"
        )
        formula = replace(formula, note=f"{formula.note}; {same}" if formula.note else same)
    if arguments.per_iteration:
        formula = _per_iteration(formula)
    if chosen.kind == "exact" and formula.next_order is None:
        formula = replace(formula, next_order=sp.Integer(0))
    shown = _formula_dict(formula, values)
    if arguments.latex:
        print(formula.latex(steps=True))
    elif arguments.json:
        print(json.dumps(shown | _derivation_dict(formula.derivation), indent=2))
    else:
        print(f"{chosen.title} ({chosen.kind})\n{formula}\n\n{formula.derivation}")
        print(f"\nin print: {chosen.published_note}\n" if chosen.published_note else "", end="")
        print(_at_values(shown) if values else "", end="")
    return OUT_OF_REGIME if any(c["holds"] is False for c in shown["conditions"]) else 0


def _demand_only(arguments: argparse.Namespace, takes: str, others: tuple[str, ...] = ()) -> None:
    """Refuse options that would have no effect.

    Raises:
        ParameterError: If one is given.
    """
    given = [name for name in (*OF_A_MODEL, *others) if getattr(arguments, name) or (name == "order" and arguments.order is not None)]
    if arguments.coordinates != "x":
        given.append("coordinates")
    if given:
        shown = ", ".join("--" + {"start": "from"}.get(name, name).replace("_", "-") for name in given)
        raise ParameterError(f"{shown}: {takes}")


def _per_iteration(formula: Formula) -> Formula:
    """Return a time or rate counted in iterations.

    Raises:
        ParameterError: If the formula is neither.
    """
    if "iteration" not in formula.unit and formula.unit not in ("time", "1/time"):
        raise ParameterError(f"--per-iteration counts a time or a rate in iterations; this formula's unit is {formula.unit}")
    return formula.per_iteration


def _escape(arguments: argparse.Namespace) -> int:
    if arguments.event is None:
        raise ParameterError("--event must say what counts as escaped: next-well, or to-the-saddle (about half the time)")
    loss, values = landscape_of(arguments), values_of(arguments)
    event = arguments.event.replace("-", " ")
    formula, start, over = _escape_formula(arguments, loss, values)
    formula = _per_iteration(formula) if arguments.per_iteration else formula
    values = _used(arguments, formula, values)
    result = _formula_dict(formula, values) | {"from": str(start), "over": str(over), "event": event}
    if arguments.latex:
        print(formula.latex(steps=True))
    elif arguments.json:
        print(json.dumps(result | _derivation_dict(formula.derivation), indent=2))
    else:
        print(f"from the {start} over the {over}, event: {event}\n{formula}\n\n{formula.derivation}")
        print(_at_values(result) if values else "", end="")
    broken = [c["sentence"] for c in result["conditions"] if c["holds"] is False]
    for sentence in broken:
        print(f"eyring: out of regime: not so at these numbers that {sentence}", file=sys.stderr)
    return OUT_OF_REGIME if broken else 0


def _escape_formula(arguments: argparse.Namespace, loss: Landscape, values: dict[str, sp.Expr]) -> tuple[Formula, CriticalPoint, CriticalPoint]:
    """Return the time with its minimum and saddle; the optimizer's numbers go in first only where signs stay unknown without them."""
    from eyring.theory.escape import escape_time

    chosen = {"theory": arguments.theory, "order": arguments.order or 0, "published": arguments.published, "event": arguments.event}
    start, over = points_of(arguments, loss)
    try:
        return escape_time(sde_of(arguments, loss, between=(start, over)), start=start, over=over, **chosen), start, over
    except EyringError as error:
        if type(error) is not EyringError or _hyperparameters(arguments).isdisjoint(values):
            raise
    sde = sde_of(arguments, loss, between=(start, over), values=values)
    surface = landscape_behind(sde)  # weight decay moves minimum and saddle
    if surface is not None:
        start, over = points_of(arguments, surface)
    return escape_time(sde, start=start, over=over, **chosen), start, over


def _hyperparameters(arguments: argparse.Namespace) -> set[str]:
    return {s.name for h in dynamics_of(arguments).hyperparameters.values() for s in h.free_symbols}


def _used(arguments: argparse.Namespace, formula: Formula, values: dict[str, sp.Expr]) -> dict[str, sp.Expr]:
    """Return the values without the optimizer's own hyperparameters that the formula does not hold; those must still lie in their range."""
    parts = [formula.expression, sp.sympify(formula.next_order or 0), *(c.relation for c in formula.conditions)]
    spare = _hyperparameters(arguments) - {s.name for p in parts for s in p.free_symbols}
    dynamics_of(arguments).with_values({name: value for name, value in values.items() if name in spare})
    return {name: value for name, value in values.items() if name not in spare}


def _formula_dict(formula: Formula, values: dict[str, sp.Expr]) -> dict[str, Any]:
    """Return the formula as text, or at the values as numbers; the error is absolute, the relative one is what the formula neglects first."""
    relative, is_matrix = formula.next_order, isinstance(formula.expression, sp.MatrixBase)
    result = {
        "value": str(formula.expression), "unit": formula.unit, "error": None if relative is None else str(relative * formula.expression),
        "relative_error": None if relative is None else str(relative), "conditions": _conditions(formula.conditions, values),
        "expression": str(formula.expression), "log": None if is_matrix else str(formula.log), "clock": str(formula.clock), "note": formula.note,
        "latex": formula.latex(),
    }  # fmt: skip
    return result | _numbers(formula, values) if values else result


def _numbers(formula: Formula, values: dict[str, sp.Expr]) -> dict[str, Any]:
    """Return the formula at the values; with the values inserted, where they are fewer than its symbols."""
    from eyring.numerics.compiled import Compiled

    if _fewer(formula, values):
        inserted = formula.expression.subs({s: values[s.name] for s in formula.parameters if s.name in values})
        return {"value": str(inserted), "log_value": None}
    f = formula.compile("mpmath", digits=20)
    value = f(**values)
    if not isinstance(f, Compiled):
        return {"value": [[_digits(entry) for entry in row] for row in value], "log_value": None}
    numbers = {"value": _digits(value), "log_value": _digits(f.log(**values)) if value > 0 else None}
    if formula.next_order is None:
        return numbers
    also = sorted({s.name for s in sp.sympify(formula.next_order).free_symbols} - set(values))
    if also:
        return numbers | {"error": None, "relative_error": None, "error_note": f"the size of what it neglects also needs {', '.join(also)}"}
    neglected = f.next_order(**values)
    return numbers | {"error": _digits(abs(value * neglected), 3), "relative_error": _digits(neglected, 3)}


def _fewer(formula: Formula, values: dict[str, sp.Expr]) -> bool:
    names = {s.name for s in formula.parameters}
    return bool(names - set(values)) and set(values) <= names


def _conditions(conditions: tuple[Condition, ...], values: dict[str, sp.Expr]) -> list[dict[str, Any]]:
    """Return each condition as text, and whether it holds at the values (None: they do not decide it)."""
    rows = []
    for c in conditions:
        known = {s: values[s.name] for s in c.relation.free_symbols if s.name in values}
        rows.append({"relation": str(c.relation), "sentence": c.sentence, "hard": c.hard, "holds": c.holds(known)})
    return rows


def _at_values(result: dict[str, Any]) -> str:
    error = (
        f"the first neglected term is {result['relative_error']} of it"
        if result["relative_error"]
        else result.get("error_note", "the size of what it neglects is unknown")
    )
    error = "nothing is neglected" if result["relative_error"] in ("0", "0.0") else error
    logarithm = f", ln: {result['log_value']}" if result["log_value"] else ""
    return f"\nat these numbers: {result['value']} [{result['unit']}]{logarithm}; {error}\n"


def _digits(number: Any, digits: int = 17) -> str:
    import mpmath

    return str(mpmath.nstr(number, digits))


def _sde(arguments: argparse.Namespace) -> int:
    loss = landscape_of(arguments)
    between = points_of(arguments, loss) if arguments.noise == "hessian" else None
    sde = sde_of(arguments, loss, between=between, order=1 if arguments.order is None else arguments.order)
    if arguments.latex:
        from eyring.theory.writing.latex import derivation_latex

        print(derivation_latex(sde.derivation) if sde.derivation else sde._repr_latex_())
    elif arguments.json:
        derivation = _derivation_dict(sde.derivation) if sde.derivation else {}
        print(json.dumps({"value": _sde_dict(sde), "unit": "length/time, length^2/time", "error": None, "conditions": [], **derivation}, indent=2))
    else:
        print(f"{sde}\n\n{sde.derivation or ''}".rstrip())
    return 0


def _sde_dict(sde: SDE) -> dict[str, Any]:
    return {
        "coordinates": [str(c) for c in sde.coordinates], "drift": [str(f) for f in sde.drift],
        "diffusion": [[str(d) for d in row] for row in sde.diffusion.tolist()], "calculus": sde.calculus, "clock": str(sde.clock),
    }  # fmt: skip


def _stationary(arguments: argparse.Namespace) -> int:
    from eyring.theory.stationary import stationary

    loss = landscape_of(arguments)
    between = points_of(arguments, loss) if arguments.noise == "hessian" else None
    law = stationary(sde_of(arguments, loss, between=between))
    if arguments.latex:
        print(law.latex(steps=True))
    elif arguments.json:
        result = {"value": str(law.density), "unit": "1/length", "error": None, "conditions": _conditions(law.conditions, {}), "normalised": False}
        proof = {"law": law.name, "fokker_planck_residual": str(law.residual)}
        print(json.dumps(result | proof | _derivation_dict(law.derivation), indent=2))
    else:
        print(f"{law}\n\n{law.derivation}")
    return 0


def _derivation_dict(derivation: Derivation) -> dict[str, Any]:
    return {"derivation": derivation.to_dict(), "assumptions": list(derivation.assumptions), "sources": list(derivation.sources)}

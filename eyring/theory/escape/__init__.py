"""Escape theories, one file each: ask ``escape_time`` for the one whose conditions hold."""

from collections.abc import Sequence
from dataclasses import replace

from eyring.errors import EyringError, NotApplicable
from eyring.theory.catalog import catalog
from eyring.theory.escape.contract import EVENTS, EscapeProblem, EscapeTheory
from eyring.theory.escape.problem import Place, pose
from eyring.theory.escape.signing import Signed, sign
from eyring.theory.formula import Formula
from eyring.theory.sde import SDE

__all__ = ["EVENTS", "EscapeProblem", "EscapeTheory", "escape_theories", "escape_time"]


def escape_theories() -> tuple[EscapeTheory, ...]:
    """Return every escape theory in this folder, the most special first."""
    return tuple(sorted((member() for member in catalog(EscapeTheory, __name__).values()), key=lambda t: (-t.speciality, t.name)))


def escape_time(
    sde: SDE,
    *,
    start: Place,
    over: Place,
    event: str | None = None,
    theory: str | None = None,
    order: int = 0,
    published: bool = False,
    assuming: Sequence[str] = (),
) -> Formula:
    """Derive the mean time to escape from a minimum over a saddle.

    Args:
        sde: The process, from ``dynamics.sde(loss, noise)`` or written by hand.
        start: The minimum: a CriticalPoint, or a number within 1e-6 of one (one number a coordinate).
        over: The saddle, likewise.
        event: What counts as escaped: "next well" or "to the saddle" (half of it to leading order). It has no default.
        theory: A name that ``eyring list`` prints, such as "kramers"; left out, the most special one whose conditions hold.
        order: Corrections kept, in powers of the noise strength; 0 is the leading term.
        published: Return the form printed in the literature, with a note of where and by how much it differs.
        assuming: Approximations that you sign for, by the names that a refusal offers; each stays written in the formula, its LaTeX and
            its conditions.

    Returns:
        The formula, in units of time; ``.per_iteration`` counts iterations.

    Raises:
        EyringError: If the event is missing, start or over is no critical point, or what is signed for is unknown or not needed.
        NotApplicable: If there is no barrier on the way, or no theory's conditions hold; with the reason of each.

    >>> import sympy as sp
    >>> x, T = sp.Symbol("x", real=True), sp.Symbol("T", positive=True)
    >>> escape_time(SDE(x - x**3, T, [x]), start=-1, over=0, event="next well").expression
    sqrt(2)*pi*exp(1/(4*T))
    """
    if not isinstance(sde, SDE):
        raise EyringError(f"escape_time takes an SDE, from dynamics.sde(loss, noise) or ey.SDE(...); got {sde!r}")
    if not (isinstance(order, int) and order >= 0):
        raise EyringError(f"order counts the corrections kept and is 0, 1, 2, ...; got {order!r}")
    chosen = [t for t in escape_theories() if theory is None or t.name == theory]
    if not chosen:
        raise EyringError(f"unknown theory {theory!r}; known: {', '.join(t.name for t in escape_theories())}")
    problem = pose(sde, start=start, over=over, event=event)
    _demand_names(assuming)
    signed = sign(problem, chosen, assuming)
    objections = {t.name: t.objection(problem) for t in chosen}
    applicable = next((t for t in chosen if objections[t.name] is None or t.name in signed), None)
    _demand_use(signed, applicable, assuming)
    if applicable is None:
        raise NotApplicable(_refusal(problem, objections))
    assumed = signed.get(applicable.name)
    taken = problem if assumed is None else assumed.problem
    formula = applicable.published(taken) if published else applicable.derive(taken, order)
    if published and not formula.note:
        formula = replace(formula, note=applicable.published_note)
    formula = replace(formula, event=problem.event, start=problem.start.position)
    return _from_the_update_rule(sde, formula if assumed is None else assumed.written_into(formula))


def _demand_names(assuming: Sequence[str]) -> None:
    if isinstance(assuming, str):
        raise EyringError(f"assuming takes a list of names, such as assuming=({assuming!r},)")
    known = sorted({t.signable for t in escape_theories() if t.signable})
    unknown = [n for n in assuming if n not in known]
    if unknown:
        raise EyringError(f"{unknown[0]!r} is nothing that may be signed for; what may be: {', '.join(known)}")


def _demand_use(signed: dict[str, Signed], applicable: EscapeTheory | None, assuming: Sequence[str]) -> None:
    """Refuse a signature that the chosen theory has no use for: a formula never says less than its user meant."""
    used = applicable is not None and applicable.name in signed
    if applicable is not None and assuming and not used:
        raise EyringError(f"nothing need be assumed: the {applicable.name} theory applies as it stands; leave out assuming={tuple(assuming)!r}")


def _from_the_update_rule(sde: SDE, formula: Formula) -> Formula:
    """Put the derivation of the SDE, where it has one, before that of the formula; refuse what its numbers already forbid."""
    broken = next((c for c in formula.conditions if c.hard and c.holds({}) is False), None)
    if broken is not None:
        raise NotApplicable(
            f"the numbers given break a condition without which the formula means nothing: {broken.sentence} ({broken.relation}). "
            f"{broken.remedy}".rstrip()
        )
    if sde.derivation is None:
        return formula
    whole = replace(sde.derivation, title=f"{formula.derivation.title}, from the update rule: {sde.derivation.title}").follow(formula.derivation)
    return replace(formula, derivation=whole)


def _refusal(problem: EscapeProblem, objections: dict[str, str | None]) -> str:
    others = [t.name for t in escape_theories() if t.name not in objections and t.objection(problem) is None]
    offers = {a.name for t in escape_theories() if t.name in objections and (a := t.assumption(problem)) is not None}
    reasons = "; ".join(f"{name}: {why}" for name, why in objections.items())
    elsewhere = "exact_escape_time or simulate_escapes" if problem.sde.dim == 1 else "simulate_escapes"
    road = f"Theories that apply: {', '.join(others)}." if others else f"No theory here applies; ask {elsewhere}."
    signable = "".join(f' May be signed for: assuming=("{name}",).' for name in sorted(offers))
    return f"no escape formula holds here. {reasons}. {road}{signable}"

"""Turn the words of a command line into landscape, optimizer and noise; text is parsed, never run."""

import argparse
import sys
from dataclasses import MISSING, fields, replace

import sympy as sp

from eyring.cli.parser import members
from eyring.errors import EyringError, NotApplicable, ParameterError
from eyring.theory import landscapes
from eyring.theory.catalog import catalog
from eyring.theory.dynamics import Dynamics
from eyring.theory.landscape import CriticalPoint, Landscape
from eyring.theory.noise import Covariance, FiniteSum, GradientNoise, Hessian
from eyring.theory.parsing import parse_expression, parse_number
from eyring.theory.sde import SDE
from eyring.theory.symbols import GLOSSARY

LARGEST = sp.Integer(int(sys.float_info.max))

__all__ = ["dynamics_of", "landscape_of", "noise_of", "path_of", "points_of", "read", "sde_of", "values_of"]


def values_of(arguments: argparse.Namespace) -> dict[str, sp.Expr]:
    """Return the numbers of ``--set``, exact, for the glossary's symbols; the others went into the text that names them.

    Raises:
        ParameterError: If one is not NAME=VALUE, a name is set twice, or nothing has that name.
    """
    numbers = _numbers(arguments)
    texts = [arguments.loss, arguments.covariance, arguments.switch, *(arguments.sample or []), getattr(arguments, "diffusion", None)]
    written = {s.name for t in texts if t for s in parse_expression(t, []).free_symbols}
    unknown = [n for n in numbers if n not in GLOSSARY and n not in written]
    if unknown or not _names(arguments).isdisjoint(numbers):
        wrong = unknown or sorted(_names(arguments) & set(numbers))
        raise ParameterError(f"--set {', '.join(wrong)}: nothing that takes a number has that name here; eyring symbols lists the known ones")
    return {name: value for name, value in numbers.items() if name in GLOSSARY}


def read(text: str, arguments: argparse.Namespace) -> sp.Expr:
    """Return what ``text`` writes, with the numbers of ``--set`` in place of names that the glossary does not know."""
    numbers = {sp.Symbol(n, real=True): v for n, v in _numbers(arguments).items() if n not in GLOSSARY}
    return parse_expression(text, sorted(_names(arguments))).subs(numbers)


def landscape_of(arguments: argparse.Namespace) -> Landscape:
    """Return the loss; the mean over the samples if those are given; the local landscape if nothing is."""
    if arguments.loss is None and arguments.sample is None:
        return landscapes.local()
    symbols = [sp.Symbol(n.strip(), real=True) for n in arguments.coordinates.split(",")]
    if arguments.loss is None:
        return FiniteSum(_samples(arguments)).landscape(symbols)
    return Landscape(read(arguments.loss, arguments), symbols)


def dynamics_of(arguments: argparse.Namespace) -> Dynamics:
    """Return the optimizer named by ``--dynamics``.

    Raises:
        ParameterError: If there is none.
    """
    if arguments.dynamics is None:
        raise ParameterError(f"--dynamics must name the optimizer: {', '.join(members('dynamics'))}")
    return _member(Dynamics, "dynamics", arguments.dynamics)()


def noise_of(arguments: argparse.Namespace, *, between: tuple[CriticalPoint, CriticalPoint] | None = None) -> GradientNoise | None:
    """Return the noise named by ``--noise``; None if there is none.

    Raises:
        ParameterError: If the noise lacks what it needs, or gets what it has no use for.
    """
    options = {"switch": "hessian", "covariance": "covariance", "sample": "finite-sum"}
    for option, name in options.items():
        if getattr(arguments, option) is not None and arguments.noise != name:
            raise ParameterError(f"--{option} belongs to --noise {name}, and the noise here is {arguments.noise or 'none'}")
    match arguments.noise:
        case None:
            return None
        case "hessian":
            plain = Hessian(between=between)
            return plain if arguments.switch is None else replace(plain, switch=_switch(read(arguments.switch, arguments), between))
        case "covariance" if arguments.covariance is None:
            raise ParameterError("--noise covariance needs --covariance TEXT, the covariance C(x) of the minibatch gradient")
        case "covariance":
            return Covariance(read(arguments.covariance, arguments))
        case "finite-sum" if arguments.sample is None:
            raise ParameterError("--noise finite-sum needs --sample TEXT, the loss of one kind of sample, once for each kind")
        case "finite-sum":
            return FiniteSum(_samples(arguments))
    member = _member(GradientNoise, "noise", arguments.noise)
    needed = [f.name for f in fields(member) if f.default is MISSING and f.default_factory is MISSING]
    if needed:
        raise ParameterError(
            f"no option says the {_listed(needed)} of --noise {arguments.noise}; in Python: ey.noise.{member.__name__}({', '.join(needed)})"
        )
    return member()


def sde_of(
    arguments: argparse.Namespace,
    loss: Landscape,
    *,
    between: tuple[CriticalPoint, CriticalPoint] | None = None,
    order: int = 1,
    values: dict[str, sp.Expr] | None = None,
) -> SDE:
    """Return the SDE of optimizer and noise on the loss, to a weak order, with the values in place of the optimizer's hyperparameters."""
    return dynamics_of(arguments).with_values(values or {}).sde(loss, noise_of(arguments, between=between), order=order)


def points_of(arguments: argparse.Namespace, loss: Landscape) -> tuple[CriticalPoint, CriticalPoint]:
    """Return minimum and saddle: those named by ``--from`` and ``--over``, else the first minimum and the saddle next to it.

    Raises:
        EyringError: If the loss has no minimum or no saddle, or none lies where one was named.
    """
    minima = [p for p in loss.critical_points if p.index == 0]
    saddles = [p for p in loss.critical_points if p.index == 1]
    if not minima or not saddles:
        raise EyringError(f"the loss {loss.expression} has {len(minima)} minima and {len(saddles)} saddles: an escape needs one of each")
    start = minima[0] if arguments.start is None else loss.locate(path_of(arguments.start), role="--from")
    if start.index != 0:
        raise NotApplicable(f"--from must name a minimum of the loss, got the {start}: nothing holds a walker there")
    if arguments.over is not None:
        return start, loss.locate(path_of(arguments.over), role="--over")
    return start, _next_saddle(loss, start, saddles)


def path_of(text: str) -> tuple[sp.Expr, ...]:
    """Return the numbers of a place such as ``-1`` or ``0,sqrt(2)``."""
    return tuple(parse_number(part) for part in text.split(","))


def _listed(names: list[str]) -> str:
    return ", ".join(n.replace("_", " ") for n in names)


def _names(arguments: argparse.Namespace) -> set[str]:
    return {n.strip() for n in arguments.coordinates.split(",")}


def _numbers(arguments: argparse.Namespace) -> dict[str, sp.Expr]:
    numbers: dict[str, sp.Expr] = {}
    for assignment in arguments.set:
        name, equals, text = (part.strip() for part in assignment.partition("="))
        if not equals or not name:
            raise ParameterError(f"--set takes NAME=VALUE, such as --set T=0.05, got {assignment!r}")
        if name in numbers:
            raise ParameterError(f"--set gives {name} twice")
        numbers[name] = parse_number(text)
        if abs(numbers[name]) > LARGEST:
            raise ParameterError(f"--set {assignment}: the number is too large; the largest is {sys.float_info.max:.6g}")
    return numbers


def _next_saddle(loss: Landscape, start: CriticalPoint, saddles: list[CriticalPoint]) -> CriticalPoint:
    points = list(loss.critical_points)
    if loss.dim > 1 or start not in points:
        return saddles[0]
    beyond = points[points.index(start) + 1 :] + points[: points.index(start)][::-1]
    return next((p for p in beyond if p.index == 1), saddles[0])


def _switch(switch: sp.Expr, between: tuple[CriticalPoint, CriticalPoint] | None) -> sp.Expr:
    if between is not None and len(between[0].position) == 1:
        a, b = (p.position[0] for p in between)
        inside = (switch - a) * (b - switch)
        if inside.is_number and not inside.is_positive:
            raise ParameterError(f"--switch must lie between the {between[0]} and the {between[1]}, where the noise changes; got {switch}")
    return switch


def _samples(arguments: argparse.Namespace) -> list[sp.Expr]:
    return [read(text, arguments) for text in arguments.sample]


def _member(family: type, folder: str, name: str) -> type:
    found = catalog(family, f"eyring.theory.{folder}")
    by_file = {member.__module__.rpartition(".")[2].replace("_", "-"): member for member in found.values()}
    return by_file[name]

"""eyring: derive, compile and put on trial the escape formulas of stochastic gradient descent.

Names load when first used, so that ``import eyring`` costs no more than sympy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyring.numerics.compiled import compile_formula
    from eyring.numerics.exact import (
        chain_relaxation_rate,
        exact_chain_time,
        exact_committor,
        exact_escape_time,
        exact_escape_variance,
        relaxation_rates,
        stationary_covariance,
        stationary_probability,
    )
    from eyring.numerics.simulation import Exits, simulate_escapes
    from eyring.theory import landscapes, noise
    from eyring.theory.derivation import Derivation, Step
    from eyring.theory.discrete import discrete_covariance
    from eyring.theory.dynamics import SGD, Dynamics, MomentumSGD, WhiteNoiseGD
    from eyring.theory.escape import escape_time
    from eyring.theory.fokker_planck import fokker_planck
    from eyring.theory.formula import Formula
    from eyring.theory.landscape import CriticalPoint, Landscape
    from eyring.theory.sde import SDE
    from eyring.theory.stationary import StationaryLaw, stationary
    from eyring.theory.symbols import GLOSSARY

__version__ = "0.1.0"

_HOMES = {
    "GLOSSARY": "eyring.theory.symbols",
    "SDE": "eyring.theory.sde",
    "SGD": "eyring.theory.dynamics",
    "CriticalPoint": "eyring.theory.landscape",
    "Derivation": "eyring.theory.derivation",
    "Dynamics": "eyring.theory.dynamics",
    "Exits": "eyring.numerics.simulation",
    "Formula": "eyring.theory.formula",
    "Landscape": "eyring.theory.landscape",
    "MomentumSGD": "eyring.theory.dynamics",
    "StationaryLaw": "eyring.theory.stationary",
    "Step": "eyring.theory.derivation",
    "WhiteNoiseGD": "eyring.theory.dynamics",
    "chain_relaxation_rate": "eyring.numerics.exact",
    "compile_formula": "eyring.numerics.compiled",
    "discrete_covariance": "eyring.theory.discrete",
    "escape_time": "eyring.theory.escape",
    "exact_chain_time": "eyring.numerics.exact",
    "exact_committor": "eyring.numerics.exact",
    "exact_escape_time": "eyring.numerics.exact",
    "exact_escape_variance": "eyring.numerics.exact",
    "fokker_planck": "eyring.theory.fokker_planck",
    "relaxation_rates": "eyring.numerics.exact",
    "simulate_escapes": "eyring.numerics.simulation",
    "stationary": "eyring.theory.stationary",
    "stationary_covariance": "eyring.numerics.exact",
    "stationary_probability": "eyring.numerics.exact",
}
_ROOMS = {"landscapes": "eyring.theory.landscapes", "noise": "eyring.theory.noise"}

__all__ = [
    "GLOSSARY",
    "SDE",
    "SGD",
    "CriticalPoint",
    "Derivation",
    "Dynamics",
    "Exits",
    "Formula",
    "Landscape",
    "MomentumSGD",
    "StationaryLaw",
    "Step",
    "WhiteNoiseGD",
    "chain_relaxation_rate",
    "compile_formula",
    "discrete_covariance",
    "escape_time",
    "exact_chain_time",
    "exact_committor",
    "exact_escape_time",
    "exact_escape_variance",
    "fokker_planck",
    "landscapes",
    "noise",
    "relaxation_rates",
    "simulate_escapes",
    "stationary",
    "stationary_covariance",
    "stationary_probability",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        value = import_module(_ROOMS[name])
    elif name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        raise AttributeError(f"eyring has no name {name!r}; it has {', '.join(__all__)}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])

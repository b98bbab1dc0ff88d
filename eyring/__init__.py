"""eyring: derive, compile and put on trial the escape formulas of stochastic gradient descent.

Names load when first used, so that ``import eyring`` costs no more than sympy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eyring.numerics.compiled import compile_formula
    from eyring.numerics.exact import (
        basin_occupation,
        chain_barrier,
        chain_relaxation_rate,
        compile_escape_time,
        exact_chain_time,
        exact_committor,
        exact_escape_time,
        exact_escape_variance,
        exact_levy_exit_time,
        find_saddles,
        large_deviation_exponent,
        minimum_energy_path,
        quasi_stationary,
        quasipotential,
        relaxation_modes,
        relaxation_rates,
        sharp_escape_time,
        stationary_covariance,
        stationary_probability,
        tail_exponent,
    )
    from eyring.numerics.simulation import Exits, SplitExits, simulate_escapes, split_escapes
    from eyring.theory import landscapes, noise
    from eyring.theory.basins.chain import BasinChain, minima_selection
    from eyring.theory.basins.ratio import basin_ratio
    from eyring.theory.derivation import Derivation, Step
    from eyring.theory.discrete import discrete_covariance, discrete_law
    from eyring.theory.dynamics import SGD, Adam, AdamW, Dynamics, MomentumSGD, Nesterov, RMSprop, WeightDecaySGD, WhiteNoiseGD
    from eyring.theory.escape import escape_time
    from eyring.theory.escape.parallel import parallel_paths
    from eyring.theory.escape.two_wells import spectral_gap
    from eyring.theory.fokker_planck import fokker_planck
    from eyring.theory.formula import Formula
    from eyring.theory.landscape import CriticalPoint, Landscape
    from eyring.theory.levy_flight import LevyFlight
    from eyring.theory.rare_events.discrete_barrier import discrete_barrier
    from eyring.theory.rare_events.finite_step import finite_step_escape_time
    from eyring.theory.rare_events.large_deviations import cumulant_exponent
    from eyring.theory.rare_events.levy import levy_exit_time
    from eyring.theory.rare_events.valley import valley_exponent
    from eyring.theory.regression import label_noise_law, weight_decay_law
    from eyring.theory.results import result, results
    from eyring.theory.sde import SDE
    from eyring.theory.sensitivity import sensitivity
    from eyring.theory.stationary import StationaryLaw, stationary
    from eyring.theory.symbols import GLOSSARY

__version__ = "0.1.0"

_HOMES = {
    "Adam": "eyring.theory.dynamics",
    "AdamW": "eyring.theory.dynamics",
    "BasinChain": "eyring.theory.basins.chain",
    "CriticalPoint": "eyring.theory.landscape",
    "Derivation": "eyring.theory.derivation",
    "Dynamics": "eyring.theory.dynamics",
    "Exits": "eyring.numerics.simulation",
    "Formula": "eyring.theory.formula",
    "GLOSSARY": "eyring.theory.symbols",
    "Landscape": "eyring.theory.landscape",
    "LevyFlight": "eyring.theory.levy_flight",
    "MomentumSGD": "eyring.theory.dynamics",
    "Nesterov": "eyring.theory.dynamics",
    "RMSprop": "eyring.theory.dynamics",
    "SDE": "eyring.theory.sde",
    "SGD": "eyring.theory.dynamics",
    "SplitExits": "eyring.numerics.simulation",
    "StationaryLaw": "eyring.theory.stationary",
    "Step": "eyring.theory.derivation",
    "WeightDecaySGD": "eyring.theory.dynamics",
    "WhiteNoiseGD": "eyring.theory.dynamics",
    "basin_occupation": "eyring.numerics.exact",
    "basin_ratio": "eyring.theory.basins.ratio",
    "chain_barrier": "eyring.numerics.exact",
    "chain_relaxation_rate": "eyring.numerics.exact",
    "compile_escape_time": "eyring.numerics.exact",
    "compile_formula": "eyring.numerics.compiled",
    "cumulant_exponent": "eyring.theory.rare_events.large_deviations",
    "discrete_barrier": "eyring.theory.rare_events.discrete_barrier",
    "discrete_covariance": "eyring.theory.discrete",
    "discrete_law": "eyring.theory.discrete",
    "escape_time": "eyring.theory.escape",
    "exact_chain_time": "eyring.numerics.exact",
    "exact_committor": "eyring.numerics.exact",
    "exact_escape_time": "eyring.numerics.exact",
    "exact_escape_variance": "eyring.numerics.exact",
    "exact_levy_exit_time": "eyring.numerics.exact",
    "find_saddles": "eyring.numerics.exact",
    "finite_step_escape_time": "eyring.theory.rare_events.finite_step",
    "fokker_planck": "eyring.theory.fokker_planck",
    "label_noise_law": "eyring.theory.regression",
    "large_deviation_exponent": "eyring.numerics.exact",
    "levy_exit_time": "eyring.theory.rare_events.levy",
    "minima_selection": "eyring.theory.basins.chain",
    "minimum_energy_path": "eyring.numerics.exact",
    "parallel_paths": "eyring.theory.escape.parallel",
    "quasi_stationary": "eyring.numerics.exact",
    "quasipotential": "eyring.numerics.exact",
    "relaxation_modes": "eyring.numerics.exact",
    "relaxation_rates": "eyring.numerics.exact",
    "result": "eyring.theory.results",
    "results": "eyring.theory.results",
    "sensitivity": "eyring.theory.sensitivity",
    "sharp_escape_time": "eyring.numerics.exact",
    "simulate_escapes": "eyring.numerics.simulation",
    "split_escapes": "eyring.numerics.simulation",
    "spectral_gap": "eyring.theory.escape.two_wells",
    "stationary": "eyring.theory.stationary",
    "stationary_covariance": "eyring.numerics.exact",
    "stationary_probability": "eyring.numerics.exact",
    "tail_exponent": "eyring.numerics.exact",
    "valley_exponent": "eyring.theory.rare_events.valley",
    "weight_decay_law": "eyring.theory.regression",
}
_ROOMS = {"landscapes": "eyring.theory.landscapes", "noise": "eyring.theory.noise"}

__all__ = [
    "GLOSSARY",
    "SDE",
    "SGD",
    "Adam",
    "AdamW",
    "BasinChain",
    "CriticalPoint",
    "Derivation",
    "Dynamics",
    "Exits",
    "Formula",
    "Landscape",
    "LevyFlight",
    "MomentumSGD",
    "Nesterov",
    "RMSprop",
    "SplitExits",
    "StationaryLaw",
    "Step",
    "WeightDecaySGD",
    "WhiteNoiseGD",
    "basin_occupation",
    "basin_ratio",
    "chain_barrier",
    "chain_relaxation_rate",
    "compile_escape_time",
    "compile_formula",
    "cumulant_exponent",
    "discrete_barrier",
    "discrete_covariance",
    "discrete_law",
    "escape_time",
    "exact_chain_time",
    "exact_committor",
    "exact_escape_time",
    "exact_escape_variance",
    "exact_levy_exit_time",
    "find_saddles",
    "finite_step_escape_time",
    "fokker_planck",
    "label_noise_law",
    "landscapes",
    "large_deviation_exponent",
    "levy_exit_time",
    "minima_selection",
    "minimum_energy_path",
    "noise",
    "parallel_paths",
    "quasi_stationary",
    "quasipotential",
    "relaxation_modes",
    "relaxation_rates",
    "result",
    "results",
    "sensitivity",
    "sharp_escape_time",
    "simulate_escapes",
    "spectral_gap",
    "split_escapes",
    "stationary",
    "stationary_covariance",
    "stationary_probability",
    "tail_exponent",
    "valley_exponent",
    "weight_decay_law",
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

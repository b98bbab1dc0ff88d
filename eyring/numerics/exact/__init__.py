"""Exact answers without a small parameter: passage times, the discrete optimizer's own chain, Fokker-Planck spectra, least actions."""

from eyring.numerics.exact.action.quasipotential import quasipotential
from eyring.numerics.exact.chain.action import chain_barrier
from eyring.numerics.exact.chain.eigenvalue import chain_relaxation_rate, exact_chain_time
from eyring.numerics.exact.covariance.near_rest import stationary_covariance
from eyring.numerics.exact.kesten import tail_exponent
from eyring.numerics.exact.large_deviation import large_deviation_exponent
from eyring.numerics.exact.levy_exit import exact_levy_exit_time
from eyring.numerics.exact.occupation import basin_occupation
from eyring.numerics.exact.passage.committor import exact_committor
from eyring.numerics.exact.passage.compiled import compile_escape_time
from eyring.numerics.exact.passage.time import exact_escape_time, exact_escape_variance
from eyring.numerics.exact.prefactor.time import sharp_escape_time
from eyring.numerics.exact.relaxation.modes import relaxation_modes
from eyring.numerics.exact.relaxation.quasi import quasi_stationary
from eyring.numerics.exact.relaxation.spectrum import relaxation_rates
from eyring.numerics.exact.saddles.search import find_saddles
from eyring.numerics.exact.saddles.string import minimum_energy_path
from eyring.numerics.exact.stationary import stationary_probability

__all__ = [
    "basin_occupation",
    "chain_barrier",
    "chain_relaxation_rate",
    "compile_escape_time",
    "exact_chain_time",
    "exact_committor",
    "exact_escape_time",
    "exact_escape_variance",
    "exact_levy_exit_time",
    "find_saddles",
    "large_deviation_exponent",
    "minimum_energy_path",
    "quasi_stationary",
    "quasipotential",
    "relaxation_modes",
    "relaxation_rates",
    "sharp_escape_time",
    "stationary_covariance",
    "stationary_probability",
    "tail_exponent",
]

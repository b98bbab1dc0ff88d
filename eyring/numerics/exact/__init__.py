"""Exact answers without a small parameter: passage times, the discrete optimizer's own chain, Fokker-Planck spectra, least actions."""

from eyring.numerics.exact.chain import chain_relaxation_rate, exact_chain_time
from eyring.numerics.exact.chain_action import chain_barrier
from eyring.numerics.exact.interval import exact_committor
from eyring.numerics.exact.kesten import tail_exponent
from eyring.numerics.exact.large_deviation import large_deviation_exponent
from eyring.numerics.exact.levy_exit import exact_levy_exit_time
from eyring.numerics.exact.occupation import basin_occupation
from eyring.numerics.exact.passage_time import exact_escape_time, exact_escape_variance
from eyring.numerics.exact.quasipotential import quasipotential
from eyring.numerics.exact.spectrum import relaxation_rates
from eyring.numerics.exact.stationary import stationary_covariance, stationary_probability

__all__ = [
    "basin_occupation",
    "chain_barrier",
    "chain_relaxation_rate",
    "exact_chain_time",
    "exact_committor",
    "exact_escape_time",
    "exact_escape_variance",
    "exact_levy_exit_time",
    "large_deviation_exponent",
    "quasipotential",
    "relaxation_rates",
    "stationary_covariance",
    "stationary_probability",
    "tail_exponent",
]

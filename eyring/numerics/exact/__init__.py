"""Exact answers without a small parameter: passage times, the discrete optimizer's own chain, Fokker-Planck spectra."""

from eyring.numerics.exact.chain import chain_relaxation_rate, exact_chain_time
from eyring.numerics.exact.interval import exact_committor
from eyring.numerics.exact.passage_time import exact_escape_time, exact_escape_variance
from eyring.numerics.exact.spectrum import relaxation_rates
from eyring.numerics.exact.stationary import stationary_covariance, stationary_probability

__all__ = [
    "chain_relaxation_rate",
    "exact_chain_time",
    "exact_committor",
    "exact_escape_time",
    "exact_escape_variance",
    "relaxation_rates",
    "stationary_covariance",
    "stationary_probability",
]

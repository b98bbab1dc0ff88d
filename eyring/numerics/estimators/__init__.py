"""From observations to estimates with intervals."""

from eyring.numerics.estimators.exit_rate import mean_time_from_start, quasi_stationary_rate

__all__ = ["mean_time_from_start", "quasi_stationary_rate"]

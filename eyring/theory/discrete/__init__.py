"""The optimizer's own steps on a quadratic loss: their stationary covariance, nothing taken as small."""

from eyring.theory.discrete.covariance import discrete_covariance, discrete_law

__all__ = ["discrete_covariance", "discrete_law"]

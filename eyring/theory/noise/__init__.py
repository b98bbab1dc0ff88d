"""Gradient noises, one file each."""

from eyring.theory.noise.contract import BatchAtom, GradientNoise
from eyring.theory.noise.covariance import Covariance
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.noise.hessian import Hessian
from eyring.theory.noise.isotropic import Isotropic
from eyring.theory.noise.loss import Loss

__all__ = ["BatchAtom", "Covariance", "FiniteSum", "GradientNoise", "Hessian", "Isotropic", "Loss"]

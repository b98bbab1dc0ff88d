"""Gradient noises, one file each."""

from eyring.theory.catalog import catalog
from eyring.theory.noise.contract import BatchAtom, GradientNoise
from eyring.theory.noise.covariance import Covariance
from eyring.theory.noise.finite_sum import FiniteSum
from eyring.theory.noise.hessian import Hessian
from eyring.theory.noise.input_noise import InputNoise
from eyring.theory.noise.isotropic import Isotropic
from eyring.theory.noise.label_noise import LabelNoise
from eyring.theory.noise.loss import Loss

__all__ = ["BatchAtom", "Covariance", "FiniteSum", "GradientNoise", "Hessian", "InputNoise", "Isotropic", "LabelNoise", "Loss"]


def __getattr__(name: str) -> type[GradientNoise]:
    """Give every noise model of this folder, also one that was just added."""
    members = catalog(GradientNoise, __name__) if not name.startswith("_") else {}
    if name in members:
        return members[name]
    raise AttributeError(f"no noise model {name!r}; there are {', '.join(members)}")

"""Linear regression on fresh Gaussian data: where SGD with momentum settles, exactly, with noisy labels and weight decay."""

from eyring.theory.regression.label_noise import label_noise_law
from eyring.theory.regression.law import RegressionLaw
from eyring.theory.regression.weight_decay import weight_decay_law

__all__ = ["RegressionLaw", "label_noise_law", "weight_decay_law"]

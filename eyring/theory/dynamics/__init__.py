"""Optimizers, one file each."""

from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.dynamics.momentum import MomentumSGD
from eyring.theory.dynamics.sgd import SGD
from eyring.theory.dynamics.white_noise import WhiteNoiseGD

__all__ = ["SGD", "Dynamics", "MomentumSGD", "WhiteNoiseGD"]

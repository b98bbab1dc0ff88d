"""Optimizers, one file each."""

from eyring.theory.dynamics.adam import Adam
from eyring.theory.dynamics.adamw import AdamW
from eyring.theory.dynamics.contract import Dynamics
from eyring.theory.dynamics.momentum import MomentumSGD
from eyring.theory.dynamics.nesterov import Nesterov
from eyring.theory.dynamics.rmsprop import RMSprop
from eyring.theory.dynamics.sgd import SGD
from eyring.theory.dynamics.weight_decay import WeightDecaySGD
from eyring.theory.dynamics.white_noise import WhiteNoiseGD

__all__ = ["SGD", "Adam", "AdamW", "Dynamics", "MomentumSGD", "Nesterov", "RMSprop", "WeightDecaySGD", "WhiteNoiseGD"]

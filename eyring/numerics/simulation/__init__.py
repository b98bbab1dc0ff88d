"""Walkers of the optimizer's own update rule, or of its SDE, watched until they escape."""

from eyring.numerics.simulation.escapes import simulate_escapes
from eyring.numerics.simulation.exits import Exits

__all__ = ["Exits", "simulate_escapes"]

"""Walkers of the optimizer's own update rule, or of its SDE, watched until they escape."""

from eyring.numerics.simulation.escapes import simulate_escapes
from eyring.numerics.simulation.exits import Exits
from eyring.numerics.simulation.splitting.escapes import split_escapes
from eyring.numerics.simulation.splitting.exits import SplitExits

__all__ = ["Exits", "SplitExits", "simulate_escapes", "split_escapes"]

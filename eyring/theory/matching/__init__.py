"""From an update rule to a stochastic differential equation: by the moments of one step, to first and second order."""

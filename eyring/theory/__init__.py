"""The symbolic layer: derives drift, diffusion, stationary laws and escape formulas with sympy alone."""

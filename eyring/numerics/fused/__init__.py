"""Formulas as machine code: own functions without branches, several numbers side by side.

``lanes`` is the arithmetic, ``exponential`` and ``logarithm`` the functions, ``emitter`` writes a sympy expression with them, ``program`` compiles a
loop over arrays, ``formula`` adds the checks of a formula, ``sweep`` feeds it large arrays, and ``loops`` hands the same functions to numba.
"""

"""Formulas and derivations on paper: LaTeX, broken lines, the appendix of everything."""

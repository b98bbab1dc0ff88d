"""Derivations: graded steps, the rules that compute them, and the proof of equality."""

from eyring.theory.derivation.steps import Derivation, Grade, Residual, Rule, Step

__all__ = ["Derivation", "Grade", "Residual", "Rule", "Step"]

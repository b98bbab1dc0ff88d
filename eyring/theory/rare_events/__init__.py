"""Escape beyond the diffusion limit: finite steps, large deviations, anisotropic noise, heavy tails."""

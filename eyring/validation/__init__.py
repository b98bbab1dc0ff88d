"""The trial: theory against real torch training."""

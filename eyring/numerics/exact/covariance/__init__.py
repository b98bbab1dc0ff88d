"""Linear laws: covariances near rest, at any size."""

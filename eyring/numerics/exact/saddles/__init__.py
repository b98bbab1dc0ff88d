"""Saddles of a loss, and the paths of least height between its minima."""

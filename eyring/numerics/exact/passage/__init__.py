"""Mean first-passage times along a line: panels, scale and speed densities."""

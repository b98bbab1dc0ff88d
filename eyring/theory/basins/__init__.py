"""Several basins at once: which one holds how much, and for how long the start is remembered."""

"""The numeric layer: compiled formulas, exact answers without a small parameter, simulation."""

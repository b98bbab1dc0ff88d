"""The papers' experiments, one file each: real training on trial, each ending in a table of claims and one picture."""

"""Thousands of copies of a small network, trained at once: each row of one tensor is a replica with minibatches of its own."""

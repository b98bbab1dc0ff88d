"""What stands before the exponential: determinants carried along the least-action path."""

"""The optimizer's own steps: its chain, its eigenvalues, its least action."""

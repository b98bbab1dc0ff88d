"""One step of one walker, printed as a loop over lanes and compiled for the processor."""

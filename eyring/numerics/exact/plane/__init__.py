"""Two coordinates: spectral elements, judged by finite volumes."""

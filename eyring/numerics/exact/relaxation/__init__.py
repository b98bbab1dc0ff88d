"""How fast laws relax: spectra along a line, with and without velocity."""

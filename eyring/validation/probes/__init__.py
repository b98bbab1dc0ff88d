"""What the laws of escape assume, measured on a network: noise, curvature, minima, saddles, and the path between."""

"""Speed, as ratios between eyring and what one would use without it; `python -m benchmarks` runs every race."""

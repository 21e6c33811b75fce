"""Benchmarks, run by hand and by `make bench`. Each prints one line of figures and ratios of one run."""

"""A simulated Plex Media Server over real HTTP: for `make demo`, for the tests and for the benchmarks."""

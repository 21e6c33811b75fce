"""All benchmarks, one after the other."""

from bench import judge, repair, startup

for benchmark in (startup, judge, repair):
    benchmark.main()

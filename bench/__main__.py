"""All benchmarks, one after the other."""

from bench import judge, repair, startup, watch

for benchmark in (startup, judge, repair, watch):
    benchmark.main()

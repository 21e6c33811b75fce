"""The watchdog of a service, one look for each line on its input; it answers with the cause. Settings as usual."""

import sys

from keeper.wiring import build

house = build()
for _ in sys.stdin:
    house.watchtower.tick()
    last = house.checks.last()
    sys.stdout.write(f"{last.cause if last else 'nothing stored'}\n")
    sys.stdout.flush()
house.close()

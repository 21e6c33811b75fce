"""A watchdog that does nothing but remember, to be killed: every look opens or closes an incident, or acts.

It says the number of the look once `remember` has returned.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from watch_rig import moment, over, restart

from keeper.rules.types import Cause, Step, StepKind
from keeper.store.db import Database
from keeper.store.watching import StoredWatch

store = StoredWatch(Database(Path(sys.argv[1])))
watch = store.load()
number = len(watch.taken)
while True:
    tick = restart(100.0 * number, watch, watch.incidents + 1)
    store.remember(tick, None)
    watch = replace(tick.watch, taken=(*tick.watch.taken[:-1], replace(tick.watch.taken[-1], done=True)))
    step = Step(StepKind.ACTED, moment(100.0 * number + 1).at, Cause.DOWN, {"action": "restart_plex", "said": "ok"})
    store.concluded(watch, step, ())
    number += 1
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()
    if number % 3 == 0:
        closing = over(100.0 * number - 50, watch)
        store.remember(closing, None)
        watch = closing.watch

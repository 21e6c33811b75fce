"""Another process at the same data file: `claim` and `start` race for a test, `begin` begins one and is killed then.

It says 'ready', waits for a line, does it, and says what it got.
"""

import sys
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from speed_store_rig import DAY, START, moment, run

from keeper.errors import RunError
from keeper.rules.types import SpeedProgress, SpeedSource
from keeper.store.db import Database
from keeper.store.speed import StoredSpeed
from keeper.world.host import LocalHost

task, path = sys.argv[1:]
store, me = StoredSpeed(Database(Path(path))), LocalHost().me()
store.active()  # everything that takes long the first time


def say(word: object) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


say("ready")
sys.stdin.readline()
if task == "claim":
    claimed = store.claim_next(me, "another", moment())
    say(claimed.id if claimed else 0)
else:
    try:
        say(store.start(SpeedSource.SCHEDULE, "engine", DAY, False, me, "another", moment()).id)
    except RunError as problem:
        say(problem.sentence)
number = 0
while task == "begin":
    active = store.active()
    assert active is not None
    store.note_run(active.id, run(), START + timedelta(seconds=number))
    store.pulse(active.id, SpeedProgress(), START)
    number += 1
    say(number)
sys.stdin.readline()

"""The engine in a process of its own that comes to a halt at a seam of its watchdog, to be killed there.

watch_to_kill.py before    the action is remembered, its command not yet started
watch_to_kill.py after     the command has ended, what became of it not yet remembered
watch_to_kill.py never     goes on; the command itself may wait
watch_to_kill.py again     does what a person asks for, again and again, as fast as it can; without an engine
"""

import sys
import threading

from keeper.rules.types import Action
from keeper.wiring import build

WHERE = sys.argv[1]


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def halt(*_: object) -> None:
    say("here")
    threading.Event().wait()


house = build()
if WHERE == "before":
    house.watchtower.machine.act = halt
elif WHERE == "after":
    house.watch_memory.concluded = halt
if WHERE == "again":
    say("ready")
    while True:
        house.monitor.do(Action.RESTART_PLEX, "ada")
house.set_up_logging(quiet=True)
house.engine.start()
say("ready")
sys.stdin.read()
house.engine.stop()

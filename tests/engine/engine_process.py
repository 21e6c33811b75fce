"""The engine in a process of its own, without Streamlit: what the tests kill. Settings come from the environment."""

import sys

from keeper.wiring import build

house = build()
house.set_up_logging()
house.engine.start()
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
house.engine.stop()

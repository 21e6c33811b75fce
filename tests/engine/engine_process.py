"""The engine in processes of its own, without Streamlit: what the tests kill. Settings come from the environment.

Everything is imported once, and each line on the standard input forks an engine. The standard output tells 'ready' and
its number. SIGTERM ends an engine in good order.
"""

import gc
import os
import signal
import sys

from keeper import wiring

OFTEN = 0.1  # seconds between two looks at the queue, instead of one: fifty kills would take minutes


def engine() -> None:
    wiring.QUEUE_SECONDS = wiring.HOUSEKEEPING_SECONDS = OFTEN
    house = wiring.build()
    house.set_up_logging()
    house.engine.start()
    sys.stdout.write(f"ready {os.getpid()}\n")
    sys.stdout.flush()
    signal.sigwait({signal.SIGTERM})
    house.engine.stop()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed ones
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    gc.freeze()
    for _ in sys.stdin:
        if not os.fork():
            engine()


main()

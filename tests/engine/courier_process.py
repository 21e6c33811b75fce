"""The courier in processes of its own, to be killed: store, rules and the way to Airtable are the real ones.

Everything is imported once, and each word on the standard input ('start', or 'start BYTES' for one that cannot let a
file grow beyond that) forks a process that delivers until it is killed; its number is written to the standard output.
Two hundred starts from scratch would take minutes.

Its clock is fast, and so is its waiting, so that the real pauses, those that Airtable asks for included, are short.
"""

import logging
import os
import random
import resource
import signal
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pyairtable  # noqa: F401  # otherwise each process would import it anew

from keeper.courier import Courier, Satchel
from keeper.engine import guarded
from keeper.errors import StoreError
from keeper.rules.delivery import Backoff
from keeper.rules.digest import Figures
from keeper.store.db import Database
from keeper.store.deliveries import StoredDeliveries
from keeper.world.outlets.airtable import AirtableOutlet
from keeper.world.outlets.airtable_line import Account, Manners

SPEED = 100.0  # how many times as fast as the real one


class FastClock:
    """The Clock port. All processes agree on its time."""

    def now(self) -> datetime:
        real = datetime.now(UTC)
        midnight = real.replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight + (real - midnight) * SPEED

    def monotonic(self) -> float:
        return time.monotonic() * SPEED

    def local_zone(self):
        return UTC


class FastStop:
    """The Stop port of who waits until he is killed."""

    def check(self) -> None:
        """Nobody pulls the brake: they kill."""

    def wait(self, seconds: float) -> None:
        threading.Event().wait(seconds / SPEED)


def deliver(store_path: str, url: str, base: str, table: str, token: str) -> None:
    clock, stop = FastClock(), FastStop()
    database = Database(Path(store_path))
    store = StoredDeliveries(database, clock)
    account = Account(token, base, table, ZoneInfo("America/New_York"), "chaos", url)
    outlet = AirtableOutlet(account, clock, lambda ids: store.arrived_as("airtable", ids), Manners(longest=400.0))
    courier = Courier(
        Satchel(
            store=store,
            outlets=lambda: [outlet],
            clock=clock,
            stop=stop,
            zone=lambda: UTC,
            dice=random.random,
            line=lambda: True,
            figures=lambda _since, _until: Figures(0.0, 0.0, 0.0),
            guard=guarded,
            backoff=Backoff(first=2.0, longest=30.0),
        )
    )
    parent = os.getppid()
    while os.getppid() == parent:
        try:
            courier.tick()
        except StoreError as problem:
            logging.getLogger("chaos").warning("the tick failed: %s", problem.sentence)
        courier.wait()
        stop.wait(0.5)


def main(log_file: str, *settings: str) -> None:
    logging.basicConfig(filename=log_file, level=logging.INFO, format="%(process)d %(name)s %(levelname)s %(message)s")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # whoever is killed is gone at once
    for line in sys.stdin:
        words = line.split()
        pid = os.fork()
        if pid == 0:
            if len(words) > 1:
                resource.setrlimit(resource.RLIMIT_FSIZE, (int(words[1]), resource.RLIM_INFINITY))
            deliver(*settings)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])

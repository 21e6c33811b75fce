"""`python -m keeper.demo`: the simulated server on its own."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading

from keeper.demo import app, control
from keeper.demo.door import Door
from keeper.demo.faults import MODES
from keeper.demo.generate import Plan, understood
from keeper.demo.settings import Settings
from keeper.demo.switch import Switch
from keeper.demo.world import World


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser("python -m keeper.demo", description=__doc__)
    made.add_argument("--host", default="127.0.0.1")
    made.add_argument("--port", type=int, default=0, help="0 = any free port")
    made.add_argument("--control-port", type=int, default=0)
    made.add_argument("--token", default="demo-token", help="token of the owner")
    made.add_argument("--shared-token", action="append", help="token of somebody the library is shared with")
    made.add_argument("--library", type=_library, default="demo", help="demo, small, bench, or e.g. movies:100:5")
    made.add_argument("--items", type=int, default=0)
    made.add_argument("--broken", type=int, default=-1)
    made.add_argument("--section-items", default="", help="bench: further movie sections, e.g. 500,500")
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--agents", type=int, default=4)
    made.add_argument("--refresh-seconds", default="0.5-1.5")
    made.add_argument("--never-mend", type=float, default=0.1, help="share of broken items nothing helps")
    made.add_argument("--lost", type=float, default=0.002, help="share of refreshes that get lost")
    made.add_argument("--lose-keys", default="", help="items whose first refresh certainly gets lost")
    made.add_argument("--page-cap", type=int, default=0)
    made.add_argument("--old-action-bodies", action="store_true")
    made.add_argument("--mode", default="ready", choices=MODES)
    made.add_argument("--print-json", action="store_true", help="one line with the addresses when listening")
    made.add_argument("--exit-with-parent", action="store_true", help="end when standard input ends")
    return made


def _library(text: str) -> str:
    try:
        return understood(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(str(wrong)) from None


def settings_from(options: argparse.Namespace) -> Settings:
    settings = Settings()
    same = ("token", "refresh_seconds", "lost", "lose_keys", "page_cap", "old_action_bodies")
    for name in same:
        settings.change(name, getattr(options, name))
    if options.shared_token:
        settings.shared_tokens = tuple(options.shared_token)
    return settings


def plan_from(options: argparse.Namespace) -> Plan:
    more = tuple(int(count) for count in options.section_items.split(",") if count)
    return Plan(options.library, options.items, options.broken, more, options.seed, options.never_mend)


async def serve(options: argparse.Namespace) -> None:
    """Open both doors, wait for the signal to stop, close them."""
    world = World(plan_from(options), settings_from(options), options.agents)
    plex: Door | None = None

    async def open_door() -> None:
        if plex is not None:
            await plex.open()

    async def close_door() -> None:
        if plex is not None:
            await plex.close()

    switch = Switch(open_door, close_door)
    plex = Door(app.build(world, switch), options.host, options.port)
    back = Door(control.Control(world, switch).app(), options.host, options.control_port)
    stop = _stop_event(options.exit_with_parent)
    await plex.open()
    await back.open()
    world.start()
    if options.mode != "ready":
        await switch.set(options.mode)
    _announce(options, world, plex, back)
    await stop.wait()
    await plex.lock_up()
    await back.lock_up()


def _announce(options: argparse.Namespace, world: World, plex: Door, back: Door) -> None:
    facts = {"url": plex.url, "control": back.url, "token": world.settings.token, "pid": os.getpid()}
    facts["machine_identifier"] = world.machine_identifier
    if options.print_json:
        line = json.dumps(facts)
    else:
        line = f"Simulated Plex server at {plex.url} (token {world.settings.token}), control at {back.url}"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stop_event(exit_with_parent: bool) -> asyncio.Event:
    """Set by SIGTERM or SIGINT, and by the end of standard input if the parent holds the other end."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def watch() -> None:
        while os.read(0, 1024):
            pass
        loop.call_soon_threadsafe(stop.set)

    if exit_with_parent:
        threading.Thread(target=watch, name="parent", daemon=True).start()
    return stop


def main() -> None:
    asyncio.run(serve(parser().parse_args()))


if __name__ == "__main__":
    main()

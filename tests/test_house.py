"""The law of the house, held by reading the source: who may import whom, and what stands in one place only.

Every rule is a function from one source file to sentences about what is wrong in it. It is run over all files, and
over small made-up sources that break it, so that a rule that has gone blind is noticed.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("keeper", "bench", "tests")  # with the files at the root: everything written in Python here
NOT_OURS = {
    ".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "logs",
}  # fmt: skip
TEXT = {
    ".py", ".md", ".toml", ".txt", ".sql", ".css", ".svg", ".example", ".yaml", ".yml", ".service", ".conf", ".plist",
}  # fmt: skip

LONGEST_FUNCTION = 50
MOST_BROAD_HANDLERS = 3

# ------------------------------------------------------------------------------------------------ the table

PURE = {
    "__future__", "collections", "dataclasses", "datetime", "enum", "functools", "itertools", "math", "re", "typing",
    "zoneinfo",
}  # fmt: skip
NETWORK_AND_FILES = {
    "requests",
    "urllib3",
    "http",
    "socket",
    "sqlite3",
    "sqlalchemy",
    "subprocess",
    "plexapi",
    "httpx",
    "httpx2",
}


@dataclass(frozen=True)
class Room:
    """What the files of one place may import."""

    name: str
    files: tuple[str, ...]  # a file, or a folder with a slash at its end
    ours: tuple[str, ...] = ()  # modules of the project; one that is named includes everything below it
    foreign: frozenset[str] | None = None  # packages beside the standard library; None = any
    standard: frozenset[str] | None = None  # modules of the standard library; None = any
    never: frozenset[str] = frozenset()


WIRED = ("auth", "jobs", "logic", "monitor", *(
    f"keeper.{name}" for name in (
        "commands", "config", "courier", "demo", "doctor", "door", "engine", "errors", "house", "metrics", "ports",
        "purse", "rules", "store", "surveyor", "wiring", "world",
    )
))  # fmt: skip

ROOMS = (  # the first one that fits counts
    Room("the glossary", ("keeper/rules/types.py",), (), frozenset(), frozenset(PURE)),
    Room("rules", ("keeper/rules/",), ("keeper.rules",), frozenset(), frozenset(PURE)),
    Room("ports and errors", ("keeper/ports.py", "keeper/errors.py"), ("keeper.rules.types",), frozenset(),
         frozenset({*PURE, "contextlib"})),
    Room("the settings", ("keeper/config.py",), ("keeper.errors",), frozenset({"pydantic", "pydantic_settings"})),
    Room("a door", ("logic.py", "monitor.py", "keeper/courier.py"), ("keeper.rules", "keeper.ports", "keeper.errors"),
         frozenset(), never=frozenset(NETWORK_AND_FILES)),
    Room("a door", ("keeper/surveyor.py", "keeper/overseer.py", "keeper/purse.py", "keeper/nightfall.py"),
         ("keeper.rules", "keeper.ports", "keeper.errors", "keeper.overseer", "keeper.purse", "keeper.nightfall"),
         frozenset(),
         never=frozenset(NETWORK_AND_FILES)),
    Room("a door", ("jobs.py",), ("keeper.rules", "keeper.ports", "keeper.errors", "logic"), frozenset(),
         never=frozenset(NETWORK_AND_FILES)),
    Room("the door to the street", ("auth.py",),
         ("keeper.config", "keeper.door", "keeper.ports", "keeper.errors", "keeper.rules"), frozenset()),
    Room("the gatehouse", ("keeper/door/",),
         ("keeper.door", "keeper.config", "keeper.ports", "keeper.errors", "keeper.rules.types"),
         frozenset({"anyio", "jwt", "yaml", "starlette", "streamlit_authenticator", "ua_parser"})),
    Room("store", ("keeper/store/",), ("keeper.store", "keeper.rules.types", "keeper.errors", "keeper.ports"),
         frozenset({"sqlalchemy"})),
    Room("world", ("keeper/world/",), ("keeper.world", "keeper.rules.types", "keeper.errors", "keeper.ports"),
         never=frozenset({"streamlit", "sqlalchemy", "starlette", "uvicorn"})),
    Room("ui", ("keeper/ui/",), ("keeper.ui", "keeper.wiring", "keeper.rules.types", "keeper.errors", "auth"),
         frozenset({"streamlit", "pandas", "altair", "pyarrow"}), never=frozenset(NETWORK_AND_FILES)),
    Room("demo", ("keeper/demo/",), ("keeper.demo", "keeper.rules.types"), frozenset({"starlette", "uvicorn"})),
    Room("the wiring", ("keeper/wiring.py", "keeper/engine.py", "keeper/metrics.py", "keeper/house/",
                        "keeper/commands/", "keeper/doctor/", "keeper/__main__.py", "keeper/__init__.py"),
         WIRED, never=frozenset({"streamlit"})),
    Room("the front door", ("app.py",),
         ("auth", "keeper.errors", "keeper.metrics", "keeper.wiring", "keeper.ui.frame")),
)  # fmt: skip


# ------------------------------------------------------------------------------------------------ reading


@dataclass(frozen=True)
class Source:
    """One file: its path from the root, its text."""

    path: str
    text: str

    @functools.cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @functools.cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    def at(self, node: ast.AST, sentence: str) -> str:
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {sentence}"

    @property
    def is_program(self) -> bool:
        """Not a test, not a benchmark, not the simulated server."""
        return not self.path.startswith(("tests/", "bench/", "keeper/demo/"))


def sources() -> list[Source]:
    found = [*ROOT.glob("*.py"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))]
    return [Source(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in sorted(found)]


ALL = sources()


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def imports(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Every imported module, wherever in the file: at the top, in a function, for the type checker only."""
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield node, "." * node.level + (whole if is_module(whole) else node.module or "")


def named(source: Source) -> dict[str, str]:
    """Local name -> what it stands for: {'dt': 'datetime', 'sleep': 'time.sleep'}."""
    names: dict[str, str] = {}
    for node in source.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                meant = alias.name if alias.asname else package(alias.name)
                names[alias.asname or meant] = meant
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def uses(source: Source) -> Iterator[tuple[ast.AST, str]]:
    """Whatever imported thing is used, by its full name: 'datetime.datetime.now', 'time.sleep'."""
    names = named(source)
    for node in source.nodes:
        if isinstance(node, ast.Attribute | ast.Name) and (dotted := _dotted(node)):
            first, _, rest = dotted.partition(".")
            if first in names:
                yield node, f"{names[first]}.{rest}".rstrip(".")


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = _dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def package(module: str) -> str:
    return module.split(".")[0]


def belongs(module: str, wanted: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in wanted)


# ------------------------------------------------------------------------------------------------ the rules


def room_of(path: str) -> Room | None:
    for room in ROOMS:
        if any(path == file or (file.endswith("/") and path.startswith(file)) for file in room.files):
            return room
    return None


def only_knows_whom_it_may(source: Source) -> Iterator[str]:
    room = room_of(source.path)
    if room is None:
        return
    for node, module in imports(source):
        if module.startswith("."):
            yield source.at(node, "imports by a relative name; write the full one")
        elif (is_module(package(module)) and not belongs(module, room.ours)) or _is_foreign(module, room):
            yield source.at(node, f"{room.name} may not import {module}")


def _is_foreign(module: str, room: Room) -> bool:
    name = package(module)
    if is_module(name):
        return False
    if name in room.never:
        return True
    allowed = room.standard if name in sys.stdlib_module_names else room.foreign
    return allowed is not None and name not in allowed


def stands_in_a_room(source: Source) -> Iterator[str]:
    if not source.path.startswith(("tests/", "bench/")) and room_of(source.path) is None:
        yield f"{source.path}: belongs to no room of the table; give it one, or move it"


def streamlit_only_where_pages_are_made(source: Source) -> Iterator[str]:
    if source.path == "app.py" or source.path.startswith(("keeper/ui/", "tests/", "bench/")):
        return
    for node, module in imports(source):
        if package(module) == "streamlit":
            yield source.at(node, f"imports {module}; Streamlit is known to app.py and keeper/ui alone")


def plexapi_only_in_its_file(source: Source) -> Iterator[str]:
    if source.path == "keeper/world/plex.py" or source.path.startswith(("tests/", "bench/")):
        return
    for node, module in imports(source):
        if package(module) == "plexapi":
            yield source.at(node, "imports plexapi; only keeper/world/plex.py talks to it")


TELLS_TIME = ("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today")


def asks_the_clock_for_the_time(source: Source) -> Iterator[str]:
    if not source.is_program or source.path == "keeper/world/clock.py":
        return
    for node, what in uses(source):
        if what in TELLS_TIME:
            yield source.at(node, f"{what}: only keeper/world/clock.py knows the time; take a Clock or a `now`")
    for node, module in imports(source):
        if module == "time":
            yield source.at(node, "imports time; only keeper/world/clock.py knows the time; take a Clock")


def never_sleeps(source: Source) -> Iterator[str]:
    if not source.is_program or source.path == "keeper/world/clock.py":
        return
    for node, what in uses(source):
        if what == "time.sleep":
            yield source.at(node, "time.sleep: wait on an event or on the Stop port, so that the wait can be ended")


def opens_the_data_file_in_one_place(source: Source) -> Iterator[str]:
    if source.path == "keeper/store/db.py" or source.path.startswith(("tests/", "bench/")):
        return
    for node, what in (*imports(source), *uses(source)):
        if package(what) == "sqlite3" or what.endswith(".create_engine"):
            yield source.at(node, f"{what}: only keeper/store/db.py opens the data file")


#: Commands of the host, the killable child that looks at folders, and the simulated server.
STARTS_PROCESSES = ("keeper/world/commands.py", "keeper/world/lookout.py", "keeper/demo/process.py")


def starts_processes_in_one_place(source: Source) -> Iterator[str]:
    if source.path in STARTS_PROCESSES or source.path.startswith(("tests/", "bench/")):
        return
    for node, what in (*imports(source), *uses(source)):
        if package(what) == "subprocess" or what in ("os.system", "os.popen") or what.startswith("os.spawn"):
            yield source.at(node, f"{what}: only {' and '.join(STARTS_PROCESSES)} start other programs")


def has_short_functions(source: Source) -> Iterator[str]:
    for node in source.nodes if source.is_program else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > LONGEST_FUNCTION:
                yield source.at(node, f"{node.name} has {lines} lines; {LONGEST_FUNCTION} are the limit")


def catches(source: Source, name: str) -> Iterator[ast.ExceptHandler]:
    """The handlers for that exception; '' = for whatever comes."""
    for node in source.nodes:
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any((_dotted(kind).rpartition(".")[2] if kind else "") == name for kind in kinds):
                yield node


def logs_what_it_catches_broadly(source: Source) -> Iterator[str]:
    for handler in catches(source, "Exception"):
        calls = [node.func for node in ast.walk(handler) if isinstance(node, ast.Call)]
        if not any(isinstance(call, ast.Attribute) and call.attr == "exception" for call in calls):
            yield source.at(handler, "except Exception without logger.exception: the reason would be lost")
    for handler in catches(source, ""):
        yield source.at(handler, "a bare except: name what is caught")
    for node in source.nodes:
        if isinstance(node, ast.Call) and _dotted(node.func).endswith("suppress"):
            broad = {_dotted(kind) for kind in node.args} & {"Exception", "BaseException"}
            yield from (source.at(node, f"suppress({kind}): the reason would be lost") for kind in broad)


def hands_on_what_ends_the_program(source: Source) -> Iterator[str]:
    """Catching BaseException is for cleaning up or for handing it to another thread, never for going on."""
    for handler in catches(source, "BaseException"):
        inside = list(ast.walk(handler))
        raises = any(isinstance(node, ast.Raise) for node in inside)
        keeps = any(isinstance(node, ast.Assign) and _dotted(node.value) == handler.name for node in inside)
        if not raises and not keeps:
            yield source.at(handler, "except BaseException that neither raises nor hands it on")


Rule = Callable[[Source], Iterator[str]]
RULES: tuple[Rule, ...] = (
    only_knows_whom_it_may,
    stands_in_a_room,
    streamlit_only_where_pages_are_made,
    plexapi_only_in_its_file,
    asks_the_clock_for_the_time,
    never_sleeps,
    opens_the_data_file_in_one_place,
    starts_processes_in_one_place,
    has_short_functions,
    logs_what_it_catches_broadly,
    hands_on_what_ends_the_program,
)


# ------------------------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_law(rule: Rule) -> None:
    broken = [sentence for source in ALL for sentence in rule(source)]
    assert not broken, f"{rule.__name__}:\n  " + "\n  ".join(broken)


def test_plexapi_is_used_at_all() -> None:
    users = {s.path for s in ALL if s.is_program for _, module in imports(s) if package(module) == "plexapi"}
    assert users == {"keeper/world/plex.py"}


def test_few_places_catch_everything() -> None:
    places = [s.at(handler, "except Exception") for s in ALL if s.is_program for handler in catches(s, "Exception")]
    assert len(places) <= MOST_BROAD_HANDLERS, "more than the borders of the threads:\n  " + "\n  ".join(places)


def test_every_room_has_files() -> None:
    """A row of the table that fits nothing holds nothing."""
    empty = [room.name for room in ROOMS if not any(room_of(source.path) is room for source in ALL)]
    assert not empty, f"no file is held by: {empty}"


def test_no_file_speaks_of_a_place_outside() -> None:
    """What the project needs stands in the project."""
    outside = "shared" + "/"
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in _text_files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if outside in line
    ]
    assert not found, f"mentions {outside!r}:\n  " + "\n  ".join(found)


def _text_files() -> Iterator[Path]:
    for file in sorted(ROOT.rglob("*")):
        parts = file.relative_to(ROOT).parts
        is_text = file.suffix in TEXT or file.name in ("Makefile", "Dockerfile", "LICENSE", "run", ".gitignore")
        if file.is_file() and is_text and not NOT_OURS.intersection(parts):
            yield file


# ------------------------------------------------------------------------------------------------ the rules see

BREACHES: tuple[tuple[Rule, str, str], ...] = (
    (only_knows_whom_it_may, "keeper/rules/x.py", "import os"),
    (only_knows_whom_it_may, "keeper/rules/x.py", "def f():\n    import threading"),
    (only_knows_whom_it_may, "keeper/rules/x.py", "from keeper import errors"),
    (only_knows_whom_it_may, "keeper/rules/x.py", "from keeper.ports import Clock"),
    (only_knows_whom_it_may, "keeper/rules/x.py", "from . import types"),
    (only_knows_whom_it_may, "keeper/rules/types.py", "from keeper.rules import pace"),
    (only_knows_whom_it_may, "keeper/ports.py", "from keeper.rules import library"),
    (only_knows_whom_it_may, "keeper/ports.py", "from keeper.store.db import Database"),
    (only_knows_whom_it_may, "logic.py", "import streamlit as st"),
    (only_knows_whom_it_may, "logic.py", "from keeper.store.db import Database"),
    (only_knows_whom_it_may, "logic.py", "import requests"),
    (only_knows_whom_it_may, "logic.py", "import jobs"),
    (only_knows_whom_it_may, "monitor.py", "from keeper import world"),
    (only_knows_whom_it_may, "jobs.py", "from keeper.ui import frame"),
    (only_knows_whom_it_may, "auth.py", "from keeper.store.sessions import StoredSessions"),
    (only_knows_whom_it_may, "keeper/door/x.py", "from keeper.store.db import Database"),
    (only_knows_whom_it_may, "keeper/door/x.py", "import sqlalchemy"),
    (only_knows_whom_it_may, "keeper/ui/x.py", "from keeper.door.tokens import digest"),
    (only_knows_whom_it_may, "auth.py", "if TYPE_CHECKING:\n    from keeper.wiring import House"),
    (only_knows_whom_it_may, "keeper/store/x.py", "from keeper.world.clock import SystemClock"),
    (only_knows_whom_it_may, "keeper/store/x.py", "from keeper.rules import library"),
    (only_knows_whom_it_may, "keeper/world/x.py", "import logic"),
    (only_knows_whom_it_may, "keeper/world/x.py", "import sqlalchemy"),
    (only_knows_whom_it_may, "keeper/ui/x.py", "from keeper.store.views import Views"),
    (only_knows_whom_it_may, "keeper/ui/x.py", "from keeper.rules import library"),
    (only_knows_whom_it_may, "keeper/ui/screens/x.py", "import requests"),
    (only_knows_whom_it_may, "keeper/ui/screens/x.py", "from sqlalchemy import text"),
    (only_knows_whom_it_may, "keeper/demo/x.py", "from keeper.errors import KeeperError"),
    (only_knows_whom_it_may, "keeper/demo/x.py", "import requests"),
    (only_knows_whom_it_may, "keeper/commands/x.py", "from keeper.ui import frame"),
    (stands_in_a_room, "keeper/helpers.py", ""),
    (stands_in_a_room, "helpers.py", ""),
    (streamlit_only_where_pages_are_made, "auth.py", "import streamlit"),
    (streamlit_only_where_pages_are_made, "keeper/commands/x.py", "from streamlit.runtime import get_instance"),
    (plexapi_only_in_its_file, "keeper/world/probe.py", "from plexapi.server import PlexServer"),
    (asks_the_clock_for_the_time, "keeper/store/x.py", "from datetime import datetime\ndatetime.now()"),
    (asks_the_clock_for_the_time, "logic.py", "import datetime as dt\ndt.datetime.utcnow()"),
    (asks_the_clock_for_the_time, "logic.py", "from datetime import date as d\nx = map(d.today)"),
    (asks_the_clock_for_the_time, "keeper/world/x.py", "from time import monotonic"),
    (never_sleeps, "jobs.py", "import time\ntime.sleep(1)"),
    (never_sleeps, "jobs.py", "from time import sleep as nap\nnap(1)"),
    (opens_the_data_file_in_one_place, "keeper/commands/x.py", "import sqlite3"),
    (opens_the_data_file_in_one_place, "keeper/store/x.py", "from sqlalchemy import create_engine\ncreate_engine('')"),
    (starts_processes_in_one_place, "keeper/world/x.py", "import subprocess"),
    (starts_processes_in_one_place, "keeper/world/x.py", "import os\nos.system('reboot')"),
    (has_short_functions, "logic.py", "def f():\n" + "    pass\n" * 50),
    (logs_what_it_catches_broadly, "jobs.py", "try:\n    pass\nexcept Exception:\n    pass"),
    (logs_what_it_catches_broadly, "jobs.py", "try:\n    pass\nexcept (OSError, Exception):\n    pass"),
    (logs_what_it_catches_broadly, "tests/x.py", "try:\n    pass\nexcept:\n    pass"),
    (logs_what_it_catches_broadly, "jobs.py", "from contextlib import suppress\nwith suppress(Exception):\n    pass"),
    (hands_on_what_ends_the_program, "jobs.py", "try:\n    pass\nexcept BaseException as e:\n    print(e)"),
)


def _shown(value: object) -> str:
    return str(getattr(value, "__name__", value))[:60]


@pytest.mark.parametrize(("rule", "path", "text"), BREACHES, ids=_shown)
def test_a_breach_is_seen(rule: Rule, path: str, text: str) -> None:
    assert list(rule(Source(path, text))), f"{rule.__name__} does not see it"


ALLOWED: tuple[tuple[str, str], ...] = (
    ("keeper/rules/x.py", "import math\nfrom keeper.rules.types import Item"),
    ("jobs.py", "import logic, threading\nfrom datetime import time\nat = time(3, 30)"),
    ("keeper/store/x.py", "from sqlalchemy import func\nnow = func.now()"),
    ("keeper/ui/screens/x.py", "import streamlit as st\nfrom keeper.ui import parts"),
    ("keeper/world/clock.py", "import time\nfrom datetime import datetime\ndatetime.now()\ntime.sleep(1)"),
    ("keeper/demo/x.py", "import time, asyncio\nfrom starlette.routing import Route\ntime.time()"),
    ("logic.py", "def f(clock):\n    return clock.now()\n" + "def g():\n" + "    pass\n" * 49),
    ("jobs.py", "try:\n    pass\nexcept Exception:\n    log.exception('broke')"),
    ("keeper/world/x.py", "try:\n    pass\nexcept BaseException as e:\n    problem = e"),
    ("keeper/wiring.py", "import jobs, monitor\nfrom keeper.store.db import Database\nfrom auth import Doorkeeper"),
)


@pytest.mark.parametrize(("path", "text"), ALLOWED, ids=_shown)
def test_what_is_allowed_is_not_complained_about(path: str, text: str) -> None:
    assert [sentence for rule in RULES for sentence in rule(Source(path, text))] == []

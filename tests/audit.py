"""The audit of what others wrote: is what is installed what we pinned and locked, and is a flaw known in any of it.

`make audit` runs it; it ends with 1 when something was found. `--lock` writes constraints.txt from what is installed.
Flaws are asked of pip-audit, which asks PyPI. For what it cannot answer (no network) there is safety-db, a list that
comes as a package: it is old, so the last line always says who was asked about how many.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS, LOCK = ROOT / "requirements-dev.txt", ROOT / "constraints.txt"  # the former includes requirements.txt
HEADING = "# Everything that requirements-dev.txt brings along, at the versions that were tested. Written by: make lock"

Pins = dict[str, str]  # name as PyPI normalises it -> version
Installed = dict[str, str | None]  # the same; None = needed, and not installed
Advisories = Mapping[str, Sequence[Mapping[str, Any]]]  # name -> [{'id', 'advisory', 'specs': ['<1.2', …]}]


def pinned(path: Path) -> Pins:
    """The exact versions of a requirements file and those it includes. Raises ValueError for a line that is no pin."""
    pins: Pins = {}
    for line in (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()):
        if line.startswith("-r "):
            pins |= pinned(path.parent / line.removeprefix("-r ").strip())
        elif line:
            pin = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!_-]+)", line)
            if not pin:
                raise ValueError(f"{path.name}: '{line}' is not pinned to one version")
            pins[canonicalize_name(pin[1])] = pin[2]
    return pins


def brought_along(roots: Iterable[str]) -> Installed:
    """These packages and whatever they need on this machine."""
    here = {canonicalize_name(package.name): package for package in distributions()}
    found: Installed = {}
    waiting, seen = [Requirement(name) for name in roots], set[str]()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) not in seen:
            seen.add(str(wanted))
            package = here.get(name := canonicalize_name(wanted.name))
            found[name] = package.version if package else None
            needs = [Requirement(need) for need in package.requires or ()] if package else []
            extras = ("", *wanted.extras)
            waiting += [n for n in needs if not n.marker or any(n.marker.evaluate({"extra": e}) for e in extras)]
    return found


def differences(pins: Pins, lock: Pins, installed: Installed) -> list[str]:
    """What is not the same in requirements, lock and environment."""
    said = []
    for name, version in sorted(installed.items()):
        if version is None:
            said.append(f"{name} is needed and not installed")
        elif pins.get(name, version) != version:
            said.append(f"{name} {version} is installed, but {pins[name]} is pinned")
        elif lock.get(name) != version:
            said.append(f"{name} {version} is installed, but constraints.txt has {lock.get(name, 'none')}; make lock")
    return said


def conflicts() -> list[str]:
    """What `pip check` complains about."""
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    return [f"pip check: {line}" for line in (done.stdout + done.stderr).splitlines()] if done.returncode else []


def ask_pip_audit(lock: Path) -> tuple[set[str], list[str], str]:
    """(packages that were really looked up, what is known against them, why others were not)."""
    options = ["--no-deps", "--disable-pip", "--format=json", "--progress-spinner=off", f"--requirement={lock}"]
    command = [sys.executable, "-m", "pip_audit", *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        return read_answer(done.stdout)
    except subprocess.TimeoutExpired:
        return set(), [], "no answer within 300 seconds"
    except (ValueError, KeyError):
        return set(), [], (done.stderr.splitlines() or ["it said nothing"])[-1]


def read_answer(text: str) -> tuple[set[str], list[str], str]:
    """The same from pip-audit's JSON. Raises ValueError or KeyError for what is no answer of it."""
    looked_up, said, why = set[str](), list[str](), ""
    for package in json.loads(text)["dependencies"]:
        why = why or package.get("skip_reason", "")
        if "skip_reason" not in package:
            looked_up.add(canonicalize_name(package["name"]))
            said += [f"{package['name']} {package['version']}: {flaw['id']}" for flaw in package["vulns"]]
    return looked_up, said, why


def listed_flaws(pins: Pins, advisories: Advisories) -> list[str]:
    """What the list knows against these versions. An entry that cannot be read counts: somebody has to look."""
    said = []
    for name, version in sorted(pins.items()):
        for entry in advisories.get(name, ()):
            try:
                hit = any(SpecifierSet(spec).contains(version, prereleases=True) for spec in entry["specs"])
            except InvalidSpecifier:
                hit = True
            if hit:
                said.append(f"{name} {version}: {entry['id']} ({', '.join(entry['specs'])}) {entry['advisory'][:200]}")
    return said


def safety_db() -> tuple[str, Advisories]:
    """(date of the list, the list). Read as a file: importing that package fails outside its own repository."""
    file = str(distribution("safety-db").locate_file("safety_db/insecure_full.json"))
    raw = json.loads(Path(file).read_text(encoding="utf-8"))
    day = datetime.fromtimestamp(raw.pop("$meta")["timestamp"], UTC).date()
    return str(day), {canonicalize_name(name): entries for name, entries in raw.items()}


def main() -> int:
    pins = pinned(REQUIREMENTS)
    installed = brought_along(pins)
    if "--lock" in sys.argv:
        lines = [f"{name}=={version}" for name, version in sorted(installed.items()) if version]
        LOCK.write_text("\n".join([HEADING, *lines, ""]), encoding="utf-8")
    lock = pinned(LOCK)
    looked_up, findings, why = ask_pip_audit(LOCK)
    rest = {name: version for name, version in lock.items() if name not in looked_up}
    date, advisories = safety_db()
    findings += [*listed_flaws(rest, advisories), *differences(pins, lock, installed), *conflicts()]
    for finding in findings:
        print(f"audit: {finding}")
    if rest:
        print(f"audit: PyPI could not be asked about {len(rest)} of {len(lock)} packages ({why})")
    listed = f"the offline list of {date} about {len(rest)} (it has entries on {len(advisories.keys() & rest.keys())})"
    print(f"audit: {len(findings)} findings in {len(lock)} packages; asked pip-audit about {len(looked_up)}, {listed}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

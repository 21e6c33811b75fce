"""What happens in the network namespace of test_loopback: a house whose PLEX_URL is an address that gets lost.

Prints one JSON document: {step: what the look came to}. Needs an empty network namespace of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from keeper.config import Settings
from keeper.demo.process import DemoPlex
from keeper.doctor.examination import examine
from keeper.wiring import House

ADDRESS = "192.0.2.5"


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True)


def get_address() -> None:
    ip(f"addr add {ADDRESS}/24 dev d0")
    ip("route add default via 192.0.2.1")


def lose_address() -> None:
    ip(f"addr del {ADDRESS}/24 dev d0")


def house_of(plex: DemoPlex, folder: Path) -> House:
    port = plex.url.rpartition(":")[2]
    return House(
        Settings(
            _env_file=None, plex_url=f"http://{ADDRESS}:{port}", plex_token=SecretStr(plex.token),
            psr_db_path=folder / "keeper.db", host_kind="none", network_interface="d0",
            network_test_endpoints="198.51.100.1:443",
        )
    )  # fmt: skip


def seen(house: House) -> dict[str, Any]:
    check = house.monitor.look()
    names = ("port", "asked_over", "identity", "same_server", "sessions", "address")
    facts = {name: list(check.facts[name]) for name in names if name in check.facts}
    return {"cause": check.cause.value, **facts}


def main(folder: Path) -> None:
    ip("link set lo up")
    ip("link add d0 type veth peer name d1")
    ip("link set d1 up")
    ip("link set d0 up")
    get_address()
    told: dict[str, Any] = {}
    with DemoPlex(library="small", host="0.0.0.0", seed=1) as plex:
        plex.sessions("movie")
        port = plex.url.rpartition(":")[2]
        house = house_of(plex, folder)
        told["well"] = seen(house)
        lose_address()
        told["lost"] = seen(house)
        told["doctor"] = {finding.name: finding for finding in examine(house)}
        house.close()
        house = house_of(plex, folder)
        told["lost, and the service was restarted"] = seen(house)
        plex.mode("hang")
        told["silent"] = seen(house)
        plex.mode("starting")
        told["starting"] = seen(house)
        plex.mode("html200")
        told["somebody else is there"] = seen(house)
    told["gone"] = seen(house)
    with DemoPlex(library="small", host="0.0.0.0", port=port, seed=2) as other:
        told["another server"] = {**seen(house), "asked": list(other.stats()["requests"])}
    with DemoPlex(library="small", host="0.0.0.0", port=port, seed=1):
        get_address()
        told["back"] = seen(house)
    house.close()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

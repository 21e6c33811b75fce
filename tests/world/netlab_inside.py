"""What runs inside the lab: the internet, a captive portal, and a look without any privilege. See netlab."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

NOBODY = 65534
ANCHORS = ("1.1.1.1", "8.8.8.8", "9.9.9.9", "208.67.222.222")
ANCHOR_V6 = "2606:4700:4700::1111"
PLEX = "198.51.100.10"
ZONE = {"plex.tv": PLEX, "example.com": "198.51.100.20"}


async def internet(folder: Path) -> None:
    """Port 443 with the certificate shown just now, 80 as plex.tv has it, 53 on every address that serves names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def show(shaking: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        shown.load_cert_chain(folder / "shown.pem")
        shaking.context = shown

    context.sni_callback = show
    moved = _answering(b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://www.plex.tv/\r\nContent-Length: 0\r\n\r\n")
    for host in ("0.0.0.0", "::"):
        await asyncio.start_server(moved, host, 443, ssl=context)
        await asyncio.start_server(moved, host, 80)
    for address in ANCHORS:
        await asyncio.start_server(_answering(b""), address, 53)
        await asyncio.get_running_loop().create_datagram_endpoint(_NameServer, (address, 53))
    _say("up")
    await asyncio.Event().wait()


async def portal(_folder: Path) -> None:
    away = _answering(b"HTTP/1.1 302 Found\r\nLocation: http://portal.lan/login\r\nContent-Length: 0\r\n\r\n")
    await asyncio.start_server(away, "0.0.0.0", 8080)
    _say("up")
    await asyncio.Event().wait()


def _answering(answer: bytes) -> Any:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.read(2048):
            writer.write(answer)
        writer.close()

    return serve


class _NameServer(asyncio.DatagramProtocol):
    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(_zone_answer(data), addr)


def _zone_answer(asked: bytes) -> bytes:
    labels, at = [], 12
    while asked[at]:
        labels.append(asked[at + 1 : at + 1 + asked[at]].decode().lower())
        at += 1 + asked[at]
    kind, end = struct.unpack_from(">H", asked, at + 1)[0], at + 5
    address = ZONE.get(".".join(labels))
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 5, 4) + socket.inet_aton(address or "0.0.0.0")
    found = address is not None and kind == 1
    header = asked[:2] + struct.pack(">HHHHH", 0x8180 if address else 0x8183, 1, int(found), 0, 0)
    return header + asked[12:end] + (record if found else b"")


def look(folder: Path, options: dict[str, Any]) -> None:
    """Options: remembered, configured, endpoints, behind_stub; resolver_hangs = getaddrinfo never comes back; looks."""
    from keeper.world.links import Links
    from keeper.world.network import NetworkLook, Targets
    from keeper.world.patience import SystemNames

    context = ssl.create_default_context(cafile=folder / "ca.pem")
    targets = Targets(
        endpoints=tuple(options.get("endpoints", ANCHORS)), behind_stubs=(Path(options.get("behind_stub", "/none")),)
    )
    sight = NetworkLook(
        targets, Links(options.get("configured", ""), lambda: options.get("remembered", "h0")),
        tls_context=lambda: context,
    )  # fmt: skip
    if options.get("resolver_hangs"):
        sight.names = SystemNames(lambda _: threading.Event().wait() and [])
    _become_nobody()
    longest = 0.0
    for _ in range(options.get("looks", 1)):
        began = time.monotonic()
        facts = sight.look()
        longest = max(longest, time.monotonic() - began)
    time.sleep(options.get("rest", 0.0))
    capabilities = re.findall(r"^Cap(?:Prm|Eff):\s*(\w+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    _say(json.dumps({
        "facts": facts, "seconds": longest, "threads": threading.active_count() - 1,
        "capabilities": "".join(capabilities).strip("0"),
    }))  # fmt: skip


def _become_nobody() -> None:
    """Everything is loaded before: a Python below /root can be read no more. Codecs are loaded when first used."""
    for codec in ("ascii", "idna", "latin-1", "utf-8"):
        codecs.lookup(codec)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    role, where, *rest = sys.argv[1:]
    if role == "look":
        look(Path(where), json.loads(rest[0]))
    else:
        asyncio.run({"internet": internet, "portal": portal}[role](Path(where)))

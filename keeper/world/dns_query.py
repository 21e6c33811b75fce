"""One hand-made question to one name server, with no resolver and no cache in between (RFC 1035, section 4)."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path

from keeper.world.patience import Deadline
from keeper.world.reach import open_socket, word_of

PORT = 53
MOST_SERVERS = 3  # the resolver of the system asks no more of them either (MAXNS in resolv.h)
_SEND_EVERY = 0.7  # seconds; a datagram may get lost, which is no silence yet
_HEADER = struct.Struct(">HHHHHH")  # id, flags, numbers of questions, answers, authorities, extras
_RECURSION_DESIRED = 0x0100
_A_IN = struct.pack(">HH", 1, 1)  # an IPv4 address, class Internet


def question(name: str, number: int) -> bytes:
    """The datagram that asks for an address of `name`. Raises ValueError for what is no name."""
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"{name!r} is no name")
    asked = b"".join(bytes([len(label)]) + label for label in labels)
    return _HEADER.pack(number, _RECURSION_DESIRED, 1, 0, 0, 0) + asked + b"\0" + _A_IN


def answer_word(answer: bytes, asked: bytes) -> str:
    """answers = it gave records; failing = it answered, but knows nothing of that name; '' = not our answer."""
    if len(answer) < _HEADER.size:
        return ""
    number, flags, _, records, _, _ = _HEADER.unpack_from(answer)
    if number != _HEADER.unpack_from(asked)[0] or not flags & 0x8000:
        return ""
    return "answers" if flags & 0x000F == 0 and records else "failing"


def query(server: str, name: str, deadline: Deadline, port: int = PORT) -> str:
    """Asks, and asks again when nothing comes: answers, failing, or a word of `reach`."""
    try:
        asked = question(name, int.from_bytes(os.urandom(2), "big"))
        with open_socket(server, port, socket.SOCK_DGRAM, deadline) as opened:
            return _converse(opened, asked, deadline)
    except OSError as problem:
        return word_of(problem)
    except ValueError:
        return "failed"


def _converse(opened: socket.socket, asked: bytes, deadline: Deadline) -> str:
    """Strangers cannot answer, since the socket is connected; a wrong number is an answer to somebody else."""
    while deadline.left():
        opened.send(asked)
        until = deadline.within(_SEND_EVERY)
        while until.left():
            opened.settimeout(until.timeout())
            try:
                word = answer_word(opened.recv(4096), asked)
            except TimeoutError:
                break
            if word:
                return word
    return "silent"


def configured(file: Path) -> tuple[str, ...] | None:
    """The name servers a resolv.conf names (resolv.conf(5)); None when it cannot be read."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    lines = (line.split() for line in text.splitlines())
    return tuple(words[1] for words in lines if len(words) > 1 and words[0] == "nameserver")[:MOST_SERVERS]


def behind_stub(servers: tuple[str, ...], files: tuple[Path, ...]) -> tuple[str, ...]:
    """The servers a resolver on this very machine asks in turn; () when there is none, or nobody says which."""
    if not servers or not all(server.startswith("127.") or server == "::1" for server in servers):
        return ()
    found = (configured(file) for file in files)
    return next((real for real in found if real), ())

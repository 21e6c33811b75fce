"""The child of `lookout`: asks the file system what may never answer, and says what came back in time.

A program of its own, started by its path: standard library only, and little of it, so that it is up in 20 ms. One line
of JSON in, {"paths": [...], "anchor": name, "patience": seconds}; one line out, {path: what was seen}. Every path is
asked in a thread of its own; what is absent in the answer still hangs.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import threading
from typing import Any

#: What a mount says whose server or program is gone, beside being silent.
BROKEN = {
    errno.EIO, errno.ENOTCONN, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED,
    errno.ECONNABORTED, errno.ECONNRESET, errno.ETIMEDOUT, errno.ENODEV, errno.ENXIO,
}  # fmt: skip
#: Left behind by systems and file managers in folders that hold nothing: .DS_Store, @eaDir, lost+found.
NOISE = (".", "@", "lost+found", "#recycle", "System Volume Information", "Thumbs.db")


def look(paths: list[str], anchor: str, patience: float) -> dict[str, Any]:
    """What was seen of the paths that answered within `patience` seconds."""
    seen: dict[str, Any] = {}
    left, done, lock = len(paths), threading.Event(), threading.Lock()

    def ask(path: str) -> None:
        nonlocal left
        answer = see(path, anchor)
        with lock:
            seen[path] = answer
            left -= 1
            if not left:
                done.set()

    for path in paths:
        threading.Thread(target=ask, args=(path,), daemon=True).start()
    if paths:
        done.wait(patience)
    with lock:
        return dict(seen)


def see(path: str, anchor: str) -> dict[str, Any]:
    """One path. statvfs asks the server of a mount itself, where stat may be answered from a cache."""
    folder = os.path.join(path, "")  # with the slash at its end an automount is mounted; a plain stat leaves it asleep
    try:
        status = os.stat(folder)
        space = os.statvfs(folder)
        return {
            "word": "folder",
            "mount": mount_of(path, status.st_dev),
            "filled": is_filled(path),
            "anchor": is_there(os.path.join(path, anchor)) if anchor else None,
            "free": space.f_bavail * space.f_frsize,
            "size": space.f_blocks * space.f_frsize,
            "no_inodes": bool(space.f_files) and not space.f_favail,
        }
    except (OSError, ValueError) as problem:  # ValueError: a path that cannot be one
        return {"word": word_of(problem, path), "why": errno.errorcode.get(getattr(problem, "errno", None) or 0, "")}


def word_of(problem: OSError | ValueError, path: str) -> str:
    number = getattr(problem, "errno", None)
    if number == errno.ENOTDIR and os.path.exists(path):
        return "not_a_folder"
    if number in (errno.ENOENT, errno.ENOTDIR):
        return "missing"
    if number in (errno.EACCES, errno.EPERM):
        return "denied"
    if number == errno.ESTALE:
        return "stale"
    return "broken" if number in BROKEN else "failed"


def mount_of(path: str, device: int) -> str:
    """The topmost folder above that is on the same device: where the file system is mounted that the path is on.

    A text, because device numbers of network drives are others after every mount.
    """
    above = os.path.dirname(path)
    while above != path and os.stat(above).st_dev == device:
        path, above = above, os.path.dirname(above)
    return path


def is_filled(path: str) -> bool | None:
    """Whether anything of the owner's is in the folder; None when we may not know."""
    try:
        with os.scandir(path) as entries:
            return any(not entry.name.startswith(NOISE) for entry in entries)
    except PermissionError:
        return None


def is_there(path: str) -> bool | None:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError:
        return None
    return True


def main() -> None:
    """Until the other end is closed. Leaves without waiting for threads that hang."""
    for line in sys.stdin.buffer:
        answer = look(**json.loads(line))
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

"""The real nginx with the site that is shipped, as a child process on this machine, and the ways to the service."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from serving import ROOT, Service, free_port, until

SITE = ROOT / "deploy" / "nginx" / "plexkeeper.conf"
NAME = "plex.example.org"
HOST = "127.0.0.1"  # the visitor's word for this machine; his certificate names it

# What Debian's nginx.conf says around a site, so that a directive given twice is noticed here and not there.
AROUND = """
daemon off;
worker_processes 1;
user {user} {group};
pid {home}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    sendfile on;
    tcp_nopush on;
    types_hash_max_size 2048;
    ssl_prefer_server_ciphers on;
    gzip on;
    access_log {home}/access.log;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/plexkeeper.conf;
}}
"""


class Proxy:
    """One nginx before the service on `upstream`; https on `address`, plain http on `plain`."""

    def __init__(self, home: Path, upstream: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.upstream = home, upstream
        self.port, self.plain_port = free_port(), free_port()
        self.address, self.plain = f"https://{HOST}:{self.port}", f"http://{HOST}:{self.plain_port}"
        self.child: subprocess.Popen[bytes] | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        _make_certificate(self.home)
        (self.home / "plexkeeper.conf").write_text(self._edited())
        around = AROUND.format(
            home=self.home, user=pwd.getpwuid(os.geteuid()).pw_name, group=grp.getgrgid(os.getegid()).gr_name
        )
        (self.home / "nginx.conf").write_text(around)

    def _edited(self) -> str:
        """The shipped site with another place and name, and nothing else changed."""
        six = _second_address()
        site = SITE.read_text(encoding="utf-8")
        for shipped, here, times in (
            ("server 127.0.0.1:8501;", f"server 127.0.0.1:{self.upstream};", 1),
            ("listen 80;", f"listen {HOST}:{self.plain_port};", 1),
            ("listen [::]:80;", f"listen {six}:{self.plain_port};", 1),
            ("listen 443 ssl", f"listen {HOST}:{self.port} ssl", 1),
            ("listen [::]:443 ssl", f"listen {six}:{self.port} ssl", 1),
            (f"server_name {NAME};", f"server_name {HOST};", 2),
            (f"/etc/letsencrypt/live/{NAME}/", f"{self.home}/", 2),
        ):
            assert site.count(shipped) == times, f"{SITE.name}: {shipped!r} is there {site.count(shipped)} times"
            site = site.replace(shipped, here)
        return site

    def check(self) -> str:
        """What `nginx -t` says; fails when it does not like the file."""
        done = subprocess.run([*self._command(), "-t"], capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def start(self) -> Self:
        with (self.home / "nginx.out").open("ab") as out:
            self.child = subprocess.Popen(self._command(), stdout=out, stderr=out)
        until(self._is_up, 10, self.said)
        return self

    def stop(self) -> None:
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()
            self.child.wait(10)

    def said(self) -> str:
        files = [self.home / "nginx.out", self.home / "error.log"]
        return "".join(file.read_text(errors="replace")[-2000:] for file in files if file.exists())

    def _command(self) -> list[str]:
        return ["nginx", "-p", str(self.home), "-e", str(self.home / "error.log"), "-c", str(self.home / "nginx.conf")]

    def _is_up(self) -> bool:
        assert self.child is not None and self.child.poll() is None, self.said()
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


@dataclass(frozen=True)
class Way:
    """How a visitor reaches the service: straight, or through nginx with TLS."""

    service: Service
    proxy: Proxy | None = None

    @property
    def address(self) -> str:
        return self.proxy.address if self.proxy else self.service.address

    def sessions(self) -> list[tuple[str, str]]:
        """(address, browser) of everybody who is logged in, the latest last."""
        return self._said_to_store("SELECT address, browser FROM sessions WHERE revoked_at IS NULL ORDER BY created_at")

    def end_all_sessions(self) -> None:
        """As another program on this machine would: nothing but a change in the data file."""
        self._said_to_store(
            "UPDATE sessions SET revoked_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE revoked_at IS NULL"
        )

    def _said_to_store(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.service.store, timeout=10)) as connection, connection:
            return connection.execute(statement).fetchall()


def lacks() -> str:
    """What is missing on this machine to run it; '' when nothing is."""
    missing = [name for name in ("nginx", "openssl") if not shutil.which(name)]
    return f"install {' and '.join(missing)} to test what stands before the service" if missing else ""


def _make_certificate(home: Path) -> None:
    """A throw-away one, signed by itself, under the names that certbot gives."""
    kind = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    whom = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=IP:{HOST}"]
    where = ["-keyout", str(home / "privkey.pem"), "-out", str(home / "fullchain.pem")]
    subprocess.run(["openssl", *kind, *whom, *where], capture_output=True, timeout=20, check=True)


def _second_address() -> str:
    """Where the IPv6 half of the site listens; on a machine without IPv6 a second IPv4 address stands in."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return "127.0.0.2"
    return "[::1]"

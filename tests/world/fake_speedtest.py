"""Our own fake of everything the unmodified speedtest-cli talks to, on loopback.

One server in four roles: the proxy through which www.speedtest.net and c.speedtest.net are reached, what answers there
(also inside TLS, with a certificate made for the test), and the server whose latency, pictures and upload are measured.
Both directions have a rate of their own, shared by all connections, so that the figures can be checked; the answer with
the configuration makes the whole test short. Waiting goes through an event, so that closing the fake ends everything.
"""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

NEAR, FAR, DEAD = "13098", "4711", "99"  # the last one's server is not there
ALWAYS = 1000

CONFIG = """<?xml version="1.0" encoding="UTF-8"?>
<settings>
<client ip="203.0.113.7" lat="50.0" lon="8.0" isp="Nobody" isprating="3.7" rating="0" country="XX"/>
<server-config threadcount="4" ignoreids="" notonmap="" forcepingid="" preferredserverid=""/>
<download testlength="{download_seconds}" initialtest="250K" mintestsize="250K" threadsperurl="1"/>
<upload testlength="{upload_seconds}" ratio="1" initialtest="0" mintestsize="32K" threads="2" maxchunksize="512K"
 maxchunkcount="7" threadsperurl="4"/>
</settings>"""
SERVER = (
    '<server url="http://{place}/speedtest/upload.php" lat="{lat}" lon="8.1" name="{name}" country="Nowhere" cc="XX"'
    ' sponsor="{name} Sponsor" id="{id}" host="{place}"/>'
)
LOGIN_PAGE = "<!DOCTYPE html><html><body>Welcome to the hotel.<br>Please log in.</body></html>"
PICTURES = {350: 245388, 500: 505544, 750: 1118012, 1000: 1986284, 1500: 4468241, 2000: 7907740, 2500: 12407926,
            3000: 17816816, 3500: 24262167, 4000: 31625365}  # fmt: skip
NEVER_SENT = 36  # bytes; the package rounds what it sends to multiples of this, and announces what it did not round
CREDIT = 0.05  # seconds that may be made up for when somebody woke up late
BLOCK = os.urandom(16384)


@dataclass
class Faults:
    """What goes wrong. Numbers of 403s are counted down."""

    config_403: int = 0
    servers_403: int = 0
    config: str = ""  # instead of the configuration
    servers: str = ""  # instead of the list
    config_stalls: bool = False
    latency_status: int = 200
    download_status: int = 200
    upload_status: int = 200
    blackhole_after: int = 0  # bytes of all pictures together, then silence; 0 = never
    upload_seconds: int = 10  # 0 = it sends nothing


class Bucket:
    """So many bytes a second over all connections."""

    def __init__(self, mbps: float, closing: threading.Event) -> None:
        self._rate, self._closing = mbps * 125_000, closing
        self._free_at, self._lock = 0.0, threading.Lock()
        self.passed = 0

    def take(self, number: int) -> None:
        """Lets time pass until so many bytes may pass."""
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - CREDIT) + number / self._rate
            self.passed += number
            pause = self._free_at - now
        if pause > CREDIT / 10:
            self._closing.wait(pause)


class FakeSpeedtest:
    """`with FakeSpeedtest(certificate) as fake:` and `fake.environment()` for the child."""

    def __init__(
        self, certificate: Path, download: float = 80.0, upload: float = 50.0, faults: Faults | None = None
    ) -> None:
        self.certificate, self.faults = certificate, faults or Faults()
        self.closing = threading.Event()
        self.down, self.up = Bucket(download, self.closing), Bucket(upload, self.closing)
        self.asked: list[str] = []  # path of every request, in order
        self.lock = threading.Lock()

    def __enter__(self) -> FakeSpeedtest:
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = QuietServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def environment(self) -> dict[str, str]:
        proxy = f"http://{self.place}"
        return {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": "127.0.0.1",
                "SSL_CERT_FILE": str(self.certificate)}  # fmt: skip

    def times(self, path: str) -> int:
        return sum(asked.startswith(path) for asked in self.asked)

    def config(self) -> str:
        return self.faults.config or CONFIG.format(download_seconds=1, upload_seconds=self.faults.upload_seconds)

    def servers(self) -> str:
        rows = ((NEAR, "Near", 50.1, self.place), (FAR, "Far", 55.0, self.place), (DEAD, "Dead", 60.0, "127.0.0.1:1"))
        listed = "".join(SERVER.format(id=id_, name=name, lat=lat, place=place) for id_, name, lat, place in rows)
        return self.faults.servers or f"<settings><servers>{listed}</servers></settings>"


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """The other end hangs up in the middle whenever its time is over."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: FakeSpeedtest

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_CONNECT(self) -> None:
        """The other end of the tunnel is here as well."""
        self._note()
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.fake.certificate)
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do_GET(self) -> None:
        self._note()
        path, faults = urlsplit(self.path).path, self.fake.faults
        if path == "/speedtest-config.php":
            self._config(faults)
        elif path.startswith("/speedtest-servers"):
            refused = self._is_one_of("servers_403")
            self._answer(403 if refused else 200, "" if refused else self.fake.servers())
        elif path.endswith("/latency.txt"):
            self._answer(faults.latency_status, "test=test\n")
        elif picture := re.search(r"/random(\d+)x\d+\.jpg$", path):
            self._picture(PICTURES[int(picture[1])], faults)
        else:
            self._answer(404, "")

    def do_POST(self) -> None:
        self._note()
        if self.fake.faults.upload_status != 200:
            self._answer(self.fake.faults.upload_status, "")
            return
        left = int(self.headers["Content-Length"])
        while left > NEVER_SENT and (piece := self.rfile.read1(min(len(BLOCK), left))):
            self.fake.up.take(len(piece))
            left -= len(piece)
        self._answer(200, "size=500")

    def _config(self, faults: Faults) -> None:
        if faults.config_stalls:
            self.fake.closing.wait(60)
        refused = self._is_one_of("config_403")
        self._answer(403 if refused else 200, "" if refused else self.fake.config())

    def _is_one_of(self, fault: str) -> bool:
        with self.fake.lock:
            left = getattr(self.fake.faults, fault)
            setattr(self.fake.faults, fault, max(0, left - 1))
            return left > 0

    def _picture(self, size: int, faults: Faults) -> None:
        if faults.download_status != 200:
            self._answer(faults.download_status, "")
            return
        self._head(200, size)
        while size > 0:
            if faults.blackhole_after and self.fake.down.passed > faults.blackhole_after:
                self.fake.closing.wait(60)
            piece = BLOCK[:size]
            self.fake.down.take(len(piece))
            self.wfile.write(piece)
            size -= len(piece)

    def _answer(self, status: int, body: str) -> None:
        raw = body.encode()
        self._head(status, len(raw))
        self.wfile.write(raw)

    def _head(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def _note(self) -> None:
        with self.fake.lock:
            self.fake.asked.append(urlsplit(self.path).path if "/" in self.path else self.path)


def make_certificate(folder: Path) -> Path:
    """A throw-away certificate of www.speedtest.net that vouches for itself, with its key, in one file."""
    key, certificate, both = folder / "key.pem", folder / "certificate.pem", folder / "both.pem"
    kind = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    whom = ["-days", "2", "-subj", "/CN=www.speedtest.net", "-addext", "subjectAltName=DNS:www.speedtest.net"]
    uses = ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*kind, *whom, *uses, *where], capture_output=True, timeout=20, check=True)
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    return both

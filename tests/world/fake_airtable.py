"""An Airtable that is none, over real HTTP on this machine: one base with one table, and every way to fail.

It keeps what it has stored, in order and with the time of arrival, and what it was asked.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

BASE, TABLE, TOKEN = "appFAKE0123456789", "Server Reboots", "patFAKE.0123456789abcdef"
OLD_FIELDS = {
    "Name": "singleLineText",
    "Time": "singleLineText",
    "Message": "multilineText",
    "Script": "singleLineText",
}
ALL_SCOPES = ("data.records:read", "data.records:write", "schema.bases:read")
WRITES, READS = ("POST", "PATCH"), ("GET",)
LONGEST_CELL = 100_000

#: Faults that act after the records were stored; the others leave nothing behind.
STORED = ("500 stored", "503 stored", "reset stored", "hang stored", "garbled stored")


class Stored(NamedTuple):
    id: str
    fields: dict[str, str]
    at: float


class Asked(NamedTuple):
    method: str
    what: str  # 'records', 'tables', 'whoami'
    at: float
    status: int  # 0 = no answer
    records: int
    formula: str


class Refusal(Exception):
    def __init__(self, status: int, kind: str, message: str = "", **headers: str) -> None:
        super().__init__(kind)
        self.status, self.headers = status, headers
        self.body: dict[str, Any] = {"error": {"type": kind, "message": message} if message else kind}
        if status == 429:
            self.body = {"errors": [{"error": kind, "message": message}]}


def model_not_found() -> Refusal:
    return Refusal(403, "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND", "Invalid permissions, or the model was not found.")


class FakeAirtable:
    """`with FakeAirtable() as airtable: airtable.fail("reset stored")`. All its settings may change while it runs."""

    def __init__(self, with_id: bool = True, a_second: int | None = 5) -> None:
        self.fields = OLD_FIELDS | ({"Event ID": "singleLineText"} if with_id else {})
        self.token, self.base, self.table, self.scopes = TOKEN, BASE, TABLE, ALL_SCOPES
        self.choices: set[str] = set()  # of fields of the type singleSelect
        self.tells_scopes = True
        self.full_at: int | None = None  # records that the base holds
        self.a_second = a_second
        self.latency: Callable[[], float] = lambda: 0.0
        self.dice: Callable[[str], str] = lambda _method: ""  # method -> fault
        self.records: list[Stored] = []
        self.asked: list[Asked] = []
        self.too_fast = 0
        self.trouble = threading.Event()  # set whenever a fault has done what it does
        self._faults: deque[tuple[str, tuple[str, ...], dict[str, str]]] = deque()
        self._arrivals: deque[float] = deque(maxlen=5)
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    # ---- life ----------------------------------------------------------------------------------------

    def __enter__(self) -> FakeAirtable:
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_away()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def is_at_work(self) -> bool:
        """Whether anybody is connected still."""
        return self._server is not None and self._server.is_at_work

    def go_away(self) -> None:
        """Nothing listens any more, and open connections end."""
        server, self._server = self._server, None
        self._ending.set()
        if server is not None:
            server.shutdown()
            server.server_close()

    def come_back(self) -> None:
        """At the same address, with what it had stored."""
        self._ending = threading.Event()
        self._server = Server(("127.0.0.1", self._port), self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def fail(self, fault: str, times: int = 1, on: tuple[str, ...] = WRITES, **headers: str) -> None:
        """The next calls by these methods fail in that way. '*' in `on` = also what is asked of the base itself."""
        self._faults.extend([(fault, on, headers)] * times)

    # ---- for tests -----------------------------------------------------------------------------------

    def rows(self) -> list[tuple[str, str, str]]:
        """(Name, Time, Message) in the order of arrival."""
        return [tuple(row.fields.get(name, "") for name in ("Name", "Time", "Message")) for row in self.records]

    def messages(self) -> list[str]:
        return [row.fields.get("Message", "") for row in self.records]

    def calls(self, *methods: str) -> list[Asked]:
        return [one for one in self.asked if one.what == "records" and one.method in (methods or ("GET", *WRITES))]

    def fastest(self) -> int:
        """The most calls that arrived within any second."""
        times = sorted(one.at for one in self.asked)
        return max((sum(1 for at in times if begin <= at < begin + 1.0) for begin in times), default=0)

    # ---- one call ------------------------------------------------------------------------------------

    def answer(self, call: Call) -> tuple[int, dict[str, Any] | bytes, dict[str, str]] | None:
        """(status, body, headers); None = the connection is cut."""
        fault, headers = self._next_fault(call)
        if fault == "reset":
            return self._done(call.cut)
        if fault == "hang":
            return self._done(lambda: self._hang(call))
        try:
            with self._lock:
                self._admit(call, fault, headers)
                body = self._act(call)
        except Refusal as refusal:
            return refusal.status, refusal.body, refusal.headers
        if fault in ("reset stored", "hang stored"):
            return self._done(call.cut if fault == "reset stored" else lambda: self._hang(call))
        if fault in ("500 stored", "503 stored"):
            return int(fault[:3]), {"error": {"type": "SERVER_ERROR", "message": "oops"}}, {}
        return 200, b"<html>log in</html>" if fault == "garbled stored" else body, {}

    def _done(self, deed: Callable[[], object]) -> None:
        self.trouble.set()
        deed()

    def _hang(self, call: Call) -> None:
        """Until who called has given up."""
        while not self._ending.wait(0.01) and not call.is_alone:
            pass

    def _next_fault(self, call: Call) -> tuple[str, dict[str, str]]:
        with self._lock:
            if self._faults:
                fault, on, headers = self._faults[0]
                if "*" in on or (call.what == "records" and call.method in on):
                    self._faults.popleft()
                    return fault, headers
            return (self.dice(call.method) if call.what == "records" else ""), {}

    def _admit(self, call: Call, fault: str, headers: dict[str, str]) -> None:
        """Everything that ends a call before anything is stored."""
        if fault == "quota":
            raise Refusal(429, "PUBLIC_API_BILLING_LIMIT_EXCEEDED", "API billing plan limit exceeded.")
        if fault == "429" or self._is_too_fast(call.at):
            raise Refusal(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later", **headers)
        if fault and fault not in STORED:
            raise Refusal(int(fault), "SERVER_ERROR", "The server is unhappy.")
        if call.token != self.token:
            raise Refusal(401, "AUTHENTICATION_REQUIRED", "Authentication required")

    def _is_too_fast(self, at: float) -> bool:
        if self.a_second is None:
            return False
        is_full = len(self._arrivals) == self.a_second and at - self._arrivals[0] < 1.0
        self._arrivals.append(at)
        self.too_fast += is_full
        return is_full

    def _act(self, call: Call) -> dict[str, Any]:
        if call.what == "whoami":
            return {"id": "usrFAKE", **({"scopes": list(self.scopes)} if self.tells_scopes else {})}
        if call.what == "tables":
            return self._tables(call)
        if call.what != "records":
            raise Refusal(404, "NOT_FOUND")
        if call.base != self.base or call.table != self.table:
            raise model_not_found()
        if call.method == "GET" or call.lists:
            return self._list(call)
        self._demand("data.records:write")
        return self._upsert(call.body) if call.method == "PATCH" else self._create(call.body)

    def _demand(self, scope: str) -> None:
        if scope not in self.scopes:
            raise model_not_found()

    def _tables(self, call: Call) -> dict[str, Any]:
        self._demand("schema.bases:read")
        if call.base != self.base:
            raise model_not_found()
        fields = [
            {"id": f"fld{number}", "name": name, "type": kind}
            for number, (name, kind) in enumerate(self.fields.items())
        ]
        return {
            "tables": [{"id": "tblFAKE", "name": self.table, "primaryFieldId": "fld0", "fields": fields, "views": []}]
        }

    # ---- records -------------------------------------------------------------------------------------

    def _list(self, call: Call) -> dict[str, Any]:
        self._demand("data.records:read")
        options = call.body if call.lists else call.query
        formula = options.get("filterByFormula", "")
        found = [row for row in self.records if not formula or Formula(formula, self.fields).holds(row.fields)]
        start = int(str(options.get("offset", "itr0")).removeprefix("itr"))
        end = start + min(100, int(options.get("pageSize", 100)), int(options.get("maxRecords", 100)))
        page = [
            {"id": row.id, "createdTime": "2026-01-01T00:00:00.000Z", "fields": row.fields} for row in found[start:end]
        ]
        return {
            "records": page,
            **({"offset": f"itr{end}"} if end < len(found) and "maxRecords" not in options else {}),
        }

    def _create(self, body: dict[str, Any]) -> dict[str, Any]:
        cells = self._checked(body)
        return {"records": [self._shown(self.store(fields)) for fields in cells]}

    def _upsert(self, body: dict[str, Any]) -> dict[str, Any]:
        keys = body["performUpsert"]["fieldsToMergeOn"]
        for key in keys:
            if key not in self.fields:
                raise Refusal(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{key}"')
        created, all_of_them = [], []
        for fields in self._checked(body):
            same = [row for row in self.records if all(row.fields.get(key) == fields[key] for key in keys)]
            row = same[0] if same else self.store(fields)
            created += [] if same else [row.id]
            row.fields.update(fields)
            all_of_them.append(self._shown(row))
        updated = [row["id"] for row in all_of_them if row["id"] not in created]
        return {"records": all_of_them, "createdRecords": created, "updatedRecords": updated}

    def _checked(self, body: dict[str, Any]) -> list[dict[str, str]]:
        """All of them, or none is stored."""
        records = body.get("records")
        if not isinstance(records, list) or not 1 <= len(records) <= 10:
            raise Refusal(422, "INVALID_RECORDS", "You must provide an array of up to 10 record objects")
        if self.full_at is not None and len(self.records) + len(records) > self.full_at:
            raise Refusal(422, "LIMIT_CHECK_FAILED", "This base has reached its record limit")
        return [{name: self._cell(name, value) for name, value in row["fields"].items()} for row in records]

    def _cell(self, name: str, value: str) -> str:
        kind = self.fields.get(name)
        if kind is None:
            raise Refusal(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')
        if "\x00" in value:
            raise Refusal(422, "INVALID_REQUEST_UNKNOWN", "Invalid request: parameter validation failed.")
        if kind == "singleSelect" and value not in self.choices:
            message = f'Insufficient permissions to create new select option ""{value}""'
            raise Refusal(422, "INVALID_MULTIPLE_CHOICE_OPTIONS", message)
        if kind == "dateTime":
            return datetime.strptime(value, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        is_text = kind in ("singleLineText", "multilineText", "singleSelect")
        if not is_text or len(value.encode("utf-16-le")) // 2 > LONGEST_CELL or "\x01" in value:
            raise Refusal(422, "INVALID_VALUE_FOR_COLUMN", f'Field "{name}" cannot accept the provided value')
        return value

    def store(self, fields: dict[str, str]) -> Stored:
        row = Stored(f"rec{random.getrandbits(64):016x}", fields, time.monotonic())
        self.records.append(row)
        return row

    @staticmethod
    def _shown(row: Stored) -> dict[str, Any]:
        filled = {name: value for name, value in row.fields.items() if value}  # empty cells are left out
        return {"id": row.id, "createdTime": "2026-01-01T00:00:00.000Z", "fields": filled}


# ------------------------------------------------------------------------------------------------ formulas


class Formula:
    """The few formulas that are sent: AND, OR, =, &, names of fields and texts. Whatever else is refused."""

    _TOKEN = re.compile(r"\s*(?:(AND|OR)(?=\()|\{([^{}]+)\}|'((?:[^'\\\x00-\x1f]|\\['\\])*)'|([(),=&]))")

    def __init__(self, text: str, fields: dict[str, str]) -> None:
        self._fields = fields
        self._tokens = deque(self._split(text))
        self._tree = self._expression()
        if self._tokens:
            raise self._wrong("Invalid formula. Please check your formula text.")

    def holds(self, row: dict[str, str]) -> bool:
        return bool(self._tree(row))

    def _split(self, text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while at < len(text):
            found = self._TOKEN.match(text, at)
            if found is None:
                raise self._wrong("Invalid formula. Please check your formula text.")
            at = found.end()
            kind = ("call", "field", "text", "sign")[(found.lastindex or 1) - 1]
            yield kind, found[found.lastindex or 1]

    def _expression(self) -> Callable[[dict[str, str]], Any]:
        left = self._sum()
        if self._tokens and self._tokens[0] == ("sign", "="):
            self._tokens.popleft()
            right = self._sum()
            return lambda row: left(row) == right(row)
        return left

    def _sum(self) -> Callable[[dict[str, str]], Any]:
        parts = [self._atom()]
        while self._tokens and self._tokens[0] == ("sign", "&"):
            self._tokens.popleft()
            parts.append(self._atom())
        return parts[0] if len(parts) == 1 else lambda row: "".join(part(row) for part in parts)

    def _atom(self) -> Callable[[dict[str, str]], Any]:
        kind, text = self._tokens.popleft() if self._tokens else ("", "")
        if kind == "text":
            plain = re.sub(r"\\(.)", r"\1", text)
            return lambda row: plain
        if kind == "field":
            if text not in self._fields:
                raise self._wrong(f"Unknown field names: {text.lower()}")
            return lambda row: row.get(text, "")
        if kind == "call":
            parts = self._arguments()
            together = all if text == "AND" else any
            return lambda row: together(part(row) for part in parts)
        raise self._wrong("Invalid formula. Please check your formula text.")

    def _arguments(self) -> list[Callable[[dict[str, str]], Any]]:
        parts, sign = [], self._tokens.popleft()
        while sign in (("sign", "("), ("sign", ",")):
            parts.append(self._expression())
            sign = self._tokens.popleft() if self._tokens else ("", "")
        if sign != ("sign", ")"):
            raise self._wrong("Invalid formula. Please check your formula text.")
        return parts

    @staticmethod
    def _wrong(detail: str) -> Refusal:
        return Refusal(422, "INVALID_FILTER_BY_FORMULA", f"The formula for filtering records is invalid: {detail}")


# ------------------------------------------------------------------------------------------------ the wire


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], airtable: FakeAirtable) -> None:
        self.airtable, self._open = airtable, set()
        super().__init__(address, Call)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    @property
    def is_at_work(self) -> bool:
        return bool(self._open)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._open):
            with suppress(OSError):  # closed in the meantime
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who calls may be killed at any time."""


class Call(BaseHTTPRequestHandler):
    """One connection; the attributes are those of its latest call."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        airtable = self.server.airtable
        self.method = self.command
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:  # who called has died: nobody acts on half a call
            self.close_connection = True
            return
        self.at = time.monotonic()
        self._understand(raw)
        latency = airtable.latency()
        if latency:
            threading.Event().wait(latency)
        answer = airtable.answer(self)
        records = self.body.get("records")
        count = len(records) if isinstance(records, list) else 0
        formula = str(self.query.get("filterByFormula") or self.body.get("filterByFormula") or "")
        airtable.asked.append(Asked(self.method, self.what, self.at, answer[0] if answer else 0, count, formula))
        if answer is None:
            self.close_connection = True
            return
        self._say(*answer)

    def _understand(self, raw: bytes) -> None:
        parts = urlsplit(self.path)
        path = [unquote(part) for part in parts.path.split("/") if part]
        self.query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body: dict[str, Any] = json.loads(raw) if raw else {}
        self.token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.base = self.table = ""
        self.lists = path[-1] == "listRecords"
        if path[:3] == ["v0", "meta", "whoami"]:
            self.what = "whoami"
        elif path[:3] == ["v0", "meta", "bases"] and len(path) == 5:
            self.what, self.base = "tables", path[3]
        elif path[0] == "v0" and len(path) >= 3:
            self.what, self.base, self.table = "records", path[1], path[2]
        else:
            self.what = "nothing"

    def _say(self, status: int, body: dict[str, Any] | bytes, headers: dict[str, str]) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    @property
    def is_alone(self) -> bool:
        """Whether the other side has closed the connection."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def cut(self) -> None:
        """The other side gets no end of file but an error."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Tests look at `asked`."""

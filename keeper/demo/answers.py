"""How this server words its answers: XML or JSON from one tree, and error pages that are always HTML."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from starlette.requests import HTTPConnection
from starlette.responses import Response

from keeper.demo.nodes import PROLOG, Node, as_json, container, xml

HEADERS = {"X-Plex-Protocol": "1.0", "Cache-Control": "no-cache"}
XML = "text/xml;charset=utf-8"

# Plex sends exactly these 193 bytes to whoever comes without a token.
UNAUTHORIZED = (
    "<html><head><script>window.location = window.location.href.match(/(^.+\\/)[^\\/]*$/)[1] + 'web/index.html';"
    "</script><title>Unauthorized</title></head><body><h1>401 Unauthorized</h1></body></html>"
)
NO_BACKEND = (
    "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>"
)
BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
TOO_LONG = "<html>\r\n<head><title>414 Request-URI Too Large</title></head>\r\n<body></body>\r\n</html>\r\n"


def wants_json(request: HTTPConnection) -> bool:
    return "application/json" in request.headers.get("accept", "")


def answer(request: HTTPConnection, node: Node, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """The same tree in the language the client asked for."""
    more = HEADERS | (headers or {})
    if wants_json(request):
        return json_answer({node.tag: as_json(node)}, status, more)
    return Response(PROLOG + xml(node) + b"\n", status, more, XML)


def json_answer(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(compact(data), status, headers or HEADERS, "application/json")


def compact(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def ready_json(body: bytes, headers: dict[str, str]) -> Response:
    return Response(body, 200, HEADERS | headers, "application/json")


def xml_answer(body: bytes, headers: dict[str, str]) -> Response:
    return Response(body, 200, HEADERS | headers, XML)


def html(status: int, body: str, headers: dict[str, str] | None = None) -> Response:
    return Response(body, status, headers or {}, "text/html")


def svg(picture: str) -> Response:
    return Response(picture, 200, {"Cache-Control": "max-age=3600"}, "image/svg+xml")


def error(status: int, text: str = "") -> Response:
    """An error page. HTML, whatever the client would like to have."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    more = f"<p>{text}</p>" if text else ""
    page = f"<html><head><title>{phrase}</title></head><body><h1>{status} {phrase}</h1>{more}</body></html>"
    return html(status, page, HEADERS | {"Connection": "close"})


def unauthorized() -> Response:
    return html(401, UNAUTHORIZED, HEADERS | {"Connection": "close"})


def done(request: HTTPConnection, *, old: bool) -> Response:
    """An action was accepted: an empty page, or an empty container from older servers."""
    if old:
        return answer(request, container({"identifier": "com.plexapp.plugins.library"}))
    return Response(b"", 200, HEADERS, "text/html")


def maintenance(request: HTTPConnection, reason: str) -> Response:
    """503 of a server that is starting. The title tells it from the 503 of a proxy or of an overload."""
    said = f"Plex Media Server is currently running {reason}."
    if wants_json(request):
        return json_answer({"code": 503, "title": "Maintenance", "status": said}, 503)
    node = Node("Response", {"code": 503, "title": "Maintenance", "status": said})
    return Response(PROLOG + xml(node), 503, HEADERS, XML)

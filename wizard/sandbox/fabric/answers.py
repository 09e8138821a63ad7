"""What nginx would answer to a request: the choice of server and location, pages, redirects, errors and headers."""

from __future__ import annotations

import posixpath
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import unquote

from wizard.sandbox.fabric.disk import Disk
from wizard.sandbox.fabric.nginxconf import VARIABLE, Location, Scope, Server
from wizard.sandbox.fabric.work import Work

_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 301: "Moved Permanently",
    302: "Moved Temporarily", 303: "See Other", 304: "Not Modified", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Authorization Required", 403: "Forbidden", 404: "Not Found",
    405: "Not Allowed", 408: "Request Time-out", 409: "Conflict", 410: "Gone",
    411: "Length Required", 412: "Precondition Failed",
    413: "Request Entity Too Large", 414: "Request-URI Too Large", 415: "Unsupported Media Type",
    416: "Requested Range Not Satisfiable", 421: "Misdirected Request", 429: "Too Many Requests",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Temporarily Unavailable",
    504: "Gateway Time-out", 505: "HTTP Version Not Supported", 507: "Insufficient Storage",
}  # fmt: skip
_WITH_HEADERS = frozenset((200, 201, 204, 206, 301, 302, 303, 304, 307, 308))  # what add_header without always covers
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MOVING = frozenset(("time_iso8601", "time_local", "msec", "request_id", "remote_addr", "remote_port", "connection"))
_MAX_REDIRECTS = 10


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    peer: tuple[str, int]
    local: tuple[str, int]
    keep_alive: bool
    newest: bool  # HTTP/1.1 and not 1.0
    uri: str = ""  # normalised path, changes with internal redirects
    moving: bool = False  # an answer used what differs from one same request to the next
    status: int = 0
    kept_status: int = 0  # of the error whose page is being served

    @property
    def args(self) -> str:
        return self.target.partition("?")[2]


@dataclass
class Response:
    status: int
    body: bytes
    content_type: str
    server: str
    extra: list[tuple[str, str]] = field(default_factory=list)  # before nginx's Connection line: Last-Modified
    own: list[tuple[str, str]] = field(default_factory=list)  # of add_header
    location: str = ""
    ranges: bool = False
    repeatable: bool = False

    def wire(self, *, keep: bool, head: bool) -> tuple[bytes, bytes]:
        """The bytes before and after the Date header's value, in nginx's order."""
        reason = _REASONS.get(self.status, "")
        before = f"HTTP/1.1 {self.status} {reason}".rstrip() + f"\r\nServer: {self.server}\r\nDate: "
        lines = [""]
        if self.status not in (204, 304):
            if self.content_type:
                lines.append(f"Content-Type: {self.content_type}")
            lines.append(f"Content-Length: {len(self.body)}")
        lines += [f"{name}: {value}" for name, value in self.extra if name == "Last-Modified"]
        lines.append(f"Connection: {'keep-alive' if keep else 'close'}")
        if self.location:
            lines.append(f"Location: {self.location}")
        lines += [f"{name}: {value}" for name, value in self.extra if name != "Last-Modified"]
        lines += [f"{name}: {value}" for name, value in self.own]
        if self.ranges:
            lines.append("Accept-Ranges: bytes")
        body = b"" if head or self.status in (204, 304) else self.body
        return before.encode("latin-1"), "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + body


class Site:
    """All servers on one address and port of one machine."""

    def __init__(
        self, servers: tuple[Server, ...], port: int, disk: Disk, hostname: Callable[[], str], banner: str
    ) -> None:
        self._servers = servers
        self._port = port
        self._disk = disk
        self._hostname = hostname
        self._banner = banner
        self.work = Work()
        self._memory: dict[bytes, tuple[bytes, bytes]] = {}
        self._memory_version = disk.version
        self._default = next(
            (one for one in servers if any(p == port and default for _, p, default in one.listens)), servers[0]
        )
        self.keepalive_requests = min(one.keepalive_requests for one in servers)

    def remembered(self, raw: bytes) -> tuple[bytes, bytes] | None:
        """The answer given before to exactly these bytes, if nothing changed since."""
        if self._memory_version != self._disk.version:
            self._memory.clear()
            self._memory_version = self._disk.version
        return self._memory.get(raw)

    def remember(self, raw: bytes, before: bytes, after: bytes, most: int) -> None:
        if len(self._memory) < most and self._memory_version == self._disk.version:
            self._memory[raw] = (before, after)

    def refusal(self, status: int, peer: tuple[str, int], local: tuple[str, int]) -> Response:
        """An error of the protocol itself, before a server was chosen."""
        return self._error(status, self._default.scope, Request("", "", {}, peer, local, False, True))

    def respond(self, request: Request) -> Response:
        server = self._server(request.headers.get("host", ""))
        request.uri = _normal(request.target.partition("?")[0])
        if not request.uri:
            return self._error(400, server.scope, request)
        response = self._serve(server, request, 0)
        response.repeatable = not request.moving
        return response

    def _server(self, host: str) -> Server:
        name = host.partition(":")[0].lower()
        for one in self._servers:
            if name in one.names:
                return one
        for one in self._servers:
            if any(known.startswith("*.") and name.endswith(known[1:]) for known in one.names):
                return one
        return self._default

    def _serve(self, server: Server, request: Request, depth: int) -> Response:
        if depth > _MAX_REDIRECTS:
            return self._error(500, server.scope, request)
        if server.scope.answer is not None and depth == 0:
            return self._return(server, server.scope, request)
        location = find_location(server, request.uri)
        scope = location.scope if location is not None else server.scope
        if scope.internal and depth == 0:
            return self._fail(404, scope, server, request, depth)
        if scope.denied:
            return self._fail(403, scope, server, request, depth)
        if scope.answer is not None:
            return self._return(server, scope, request)
        if scope.try_files:
            return self._try_files(server, location, scope, request, depth)
        return self._static(server, location, scope, request, depth)

    def _fail(self, status: int, scope: Scope, server: Server, request: Request, depth: int) -> Response:
        """An error, through the scope's error_page when it has one."""
        if page := scope.error_pages.get(status):
            request.uri = page
            request.kept_status = status
            response = self._serve(server, request, depth + 1)
            response.status, response.ranges = status, False
            return response
        return self._error(status, scope, request)

    def _error(self, status: int, scope: Scope, request: Request) -> Response:
        title = f"{status} {'Found' if status == 302 else _REASONS.get(status, '')}".strip()
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<hr><center>{self._server_header(scope)}</center>\r\n</body>\r\n</html>\r\n"
        )
        response = Response(status, body.encode(), "text/html", self._server_header(scope))
        self._add_headers(response, scope, request)
        return response

    def _server_header(self, scope: Scope) -> str:
        return self._banner if scope.tokens else "nginx"

    def _add_headers(self, response: Response, scope: Scope, request: Request) -> None:
        request.status = request.kept_status or response.status
        for header in scope.headers:
            if header.always or request.status in _WITH_HEADERS:
                value = self._expand(header.value, scope, request)
                if value:
                    response.own.append((header.name, value))

    def _return(self, server: Server, scope: Scope, request: Request) -> Response:
        assert scope.answer is not None
        status, text = scope.answer
        if status in _REDIRECTS:
            target = self._expand(text or "", scope, request)
            if target.startswith("/"):
                target = self._absolute(target, request)
            response = self._error(status, scope, request)
            response.location = target
            return response
        if text is None:
            return self._error(status, scope, request)
        body = self._expand(text, scope, request).encode()
        response = Response(status, body, self._type(request.uri, scope), self._server_header(scope))
        self._add_headers(response, scope, request)
        return response

    def _absolute(self, path: str, request: Request) -> str:
        host = request.headers.get("host", self._hostname()).partition(":")[0]
        port = "" if self._port == 80 else f":{self._port}"
        return f"http://{host}{port}{path}"

    def _type(self, uri: str, scope: Scope) -> str:
        ending = posixpath.splitext(uri)[1].lstrip(".").lower()
        return scope.types.get(ending, scope.default_type)

    def _path(self, uri: str, location: Location | None, scope: Scope) -> str:
        if scope.alias is not None and location is not None:
            return scope.alias + uri[len(location.pattern) :]
        return scope.root + uri

    def _try_files(
        self, server: Server, location: Location | None, scope: Scope, request: Request, depth: int
    ) -> Response:
        *tries, last = scope.try_files
        for one in tries:
            uri = self._expand(one, scope, request)
            path = self._path(uri, location, scope)
            if self._disk.exists(path) and self._disk.is_dir(path) == uri.endswith("/"):
                request.uri = uri
                return self._static(server, location, scope, request, depth)
        if last.startswith("="):
            return self._fail(int(last[1:]), scope, server, request, depth)
        request.uri = self._expand(last, scope, request).partition("?")[0]
        return self._serve(server, request, depth + 1)

    def _static(
        self, server: Server, location: Location | None, scope: Scope, request: Request, depth: int
    ) -> Response:
        path = self._path(request.uri, location, scope)
        if request.uri.endswith("/"):
            for name in scope.index:
                if self._disk.exists(path + name):
                    request.uri += name
                    return self._serve(server, request, depth + 1)
            return self._fail(403 if self._disk.is_dir(path) else 404, scope, server, request, depth)
        node = self._disk.node(path)
        if node is None:
            return self._fail(404, scope, server, request, depth)
        if "dir" in node:
            response = self._error(301, scope, request)
            response.location = self._absolute(request.uri + "/", request)
            return response
        if request.method not in ("GET", "HEAD"):
            return self._fail(405, scope, server, request, depth)
        body, changed = self._disk.read(path).encode("utf-8", "surrogateescape"), int(node.get("mtime") or 0)
        response = Response(200, body, self._type(request.uri, scope), self._server_header(scope))
        tag = f'"{changed:x}-{len(body):x}"'
        response.extra = [("Last-Modified", formatdate(changed, usegmt=True)), ("ETag", tag)]
        response.ranges = True
        if request.headers.get("if-none-match") == tag:
            response.status, response.ranges = 304, False
        self._add_headers(response, scope, request)
        return response

    def _expand(self, text: str, scope: Scope, request: Request) -> str:
        if "$" not in text:
            return text
        sets = dict(scope.sets)

        def value(match: object) -> str:
            name = match[1] or match[2]  # type: ignore[index]
            if name in sets:
                found = sets.pop(name)
                return self._expand(found, scope, request)
            return self._variable(name, request)

        return VARIABLE.sub(value, text)

    def _variable(self, name: str, request: Request) -> str:  # noqa: PLR0912 - one line per variable
        if name in _MOVING:
            request.moving = True
        if name.startswith("http_"):
            return request.headers.get(name[5:].replace("_", "-"), "")
        if name.startswith("arg_"):
            pairs = (pair.partition("=") for pair in request.args.split("&"))
            return next((value for key, _, value in pairs if key == name[4:]), "")
        match name:
            case "hostname":
                return self._hostname().lower()  # as nginx does at start
            case "remote_addr":
                return request.peer[0]
            case "remote_port":
                return str(request.peer[1])
            case "uri" | "document_uri":
                return request.uri
            case "request_uri":
                return request.target
            case "host" | "server_name":
                host = request.headers.get("host", "").partition(":")[0].lower()
                return host if name == "host" and host else next(iter(self._server(host).names), self._hostname())
            case "server_port":
                return str(self._port)
            case "server_addr":
                return request.local[0]
            case "scheme":
                return "http"
            case "request_method":
                return request.method
            case "args" | "query_string":
                return request.args
            case "is_args":
                return "?" if request.args else ""
            case "request":
                return f"{request.method} {request.target} {self._variable('server_protocol', request)}"
            case "server_protocol":
                return "HTTP/1.1" if request.newest else "HTTP/1.0"
            case "nginx_version":
                return self._banner.partition("/")[2].partition(" ")[0]
            case "status":
                return str(request.status or 200)
            case "document_root":
                return self._server(request.headers.get("host", "")).scope.root
            case "time_iso8601":
                return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
            case "time_local":
                return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
            case "msec":
                return f"{time.time():.3f}"
            case "request_id":
                return uuid.uuid4().hex
        return ""


def find_location(server: Server, uri: str) -> Location | None:
    """nginx's choice: exact, then the longest prefix, unless a regular expression matches first."""
    best: Location | None = None
    for one in server.locations:
        if one.modifier == "=" and one.pattern == uri:
            return one
        if (
            one.modifier in ("", "^~")
            and uri.startswith(one.pattern)
            and (best is None or len(one.pattern) > len(best.pattern))
        ):
            best = one
    if best is not None and best.modifier == "^~":
        return best
    for one in server.locations:
        if one.expression is not None and one.expression.search(uri):
            return one
    return best


def _normal(path: str) -> str:
    """A decoded path without dots and double slashes; "" when it climbs out of the root."""
    decoded = unquote(path, errors="surrogateescape")
    if "\0" in decoded:
        return ""
    parts: list[str] = []
    for part in decoded.split("/")[1:]:
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    trailing = decoded.endswith(("/", "/.", "/..")) and parts
    return "/" + "/".join(parts) + ("/" if trailing else "")

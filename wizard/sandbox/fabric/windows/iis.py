r"""IIS's default web site: static files below C:\inetpub\wwwroot as its web.config has them served.

A section of web.config that is not known here is answered with 500, as IIS answers one that it cannot read: nothing is
passed over in silence.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.etree import ElementTree

from wizard.sandbox.fabric.answers import Request
from wizard.sandbox.fabric.work import Work

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from wizard.sandbox.fabric.windows.files import Files

ROOT = r"C:\inetpub\wwwroot"
_BANNER = "Microsoft-IIS/10.0"
_DEFAULTS = ("Default.htm", "Default.asp", "index.htm", "index.html", "iisstart.htm")
_TYPES = {
    ".css": "text/css", ".gif": "image/gif", ".htm": "text/html", ".html": "text/html", ".ico": "image/x-icon",
    ".jpg": "image/jpeg", ".js": "application/javascript", ".json": "application/json", ".pdf": "application/pdf",
    ".png": "image/png", ".svg": "image/svg+xml", ".txt": "text/plain", ".woff2": "font/woff2", ".xml": "text/xml",
}  # fmt: skip
_HIDDEN = frozenset(("web.config", "bin", "app_code", "app_data", "app_globalresources", "app_localresources"))
_REASONS = {
    200: "OK", 301: "Moved Permanently", 304: "Not Modified", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Request Entity Too Large", 414: "URI Too Long", 500: "Internal Server Error",
    501: "Not Implemented", 505: "HTTP Version Not Supported",
}  # fmt: skip
_TITLES = {
    403: "403 - Forbidden: Access is denied.",
    404: "404 - File or directory not found.",
    405: "405 - HTTP verb used to access this page is not allowed.",
    500: "500 - Internal server error.",
}
_METHODS = "OPTIONS, TRACE, GET, HEAD, POST"
WELCOME = """\
<!DOCTYPE html>
<html>
<head><title>IIS Windows Server</title></head>
<body><h1>Internet Information Services</h1></body>
</html>
"""


class ConfigError(Exception):
    """web.config cannot be used; what a person on the machine itself would be shown."""


@dataclass
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/html"
    head: list[tuple[str, str]] = field(default_factory=list)  # before the Server line
    own: list[tuple[str, str]] = field(default_factory=list)  # of customHeaders
    server: str = _BANNER
    repeatable: bool = False

    def wire(self, *, keep: bool, head: bool) -> tuple[bytes, bytes]:
        """The bytes before and after the Date header's value, in IIS's order."""
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, '')}"]
        if self.status != 304:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.head]
        lines.append(f"Server: {self.server}")
        lines += [f"{name}: {value}" for name, value in self.own]
        after = [""] if keep else ["", "Connection: close"]
        if self.status != 304:
            after.append(f"Content-Length: {len(self.body)}")
        body = b"" if head or self.status == 304 else self.body
        before = "\r\n".join([*lines, "Date: "]).encode("latin-1", "replace")
        return before, "\r\n".join(after).encode("latin-1") + b"\r\n\r\n" + body


@dataclass
class Config:
    """What a web.config says, over IIS's own defaults."""

    headers: dict[str, tuple[str, str]] = field(default_factory=lambda: {"x-powered-by": ("X-Powered-By", "ASP.NET")})
    documents: list[str] = field(default_factory=lambda: list(_DEFAULTS))
    types: dict[str, str] = field(default_factory=lambda: dict(_TYPES))
    cache: str = ""


class Site:
    """One site on one port of one machine, for `web.HttpConnection`."""

    keepalive_requests = 1_000_000_000  # IIS counts none

    def __init__(self, disk: Files, port: int) -> None:
        self._disk = disk
        self._port = port
        self.work = Work()
        self._memory: dict[bytes, tuple[bytes, bytes]] = {}
        self._version = -1
        self._config: Config | ConfigError = Config()

    def _read(self) -> Config:
        """The configuration as the disk has it now. Raises ConfigError."""
        if self._version != self._disk.version:
            self._version = self._disk.version
            self._memory.clear()
            try:
                path = rf"{ROOT}\web.config"
                self._config = parse(self._disk.read(path)) if self._disk.exists(path) else Config()
            except ConfigError as problem:
                self._config = problem
        if isinstance(self._config, ConfigError):
            raise self._config
        return self._config

    def remembered(self, raw: bytes) -> tuple[bytes, bytes] | None:
        """The answer given before to exactly these bytes, if nothing changed since."""
        return self._memory.get(raw) if self._version == self._disk.version else None

    def remember(self, raw: bytes, before: bytes, after: bytes, most: int) -> None:
        if len(self._memory) < most and self._version == self._disk.version:
            self._memory[raw] = (before, after)

    def refusal(self, status: int, peer: tuple[str, int], local: tuple[str, int]) -> Response:
        """An error of the protocol itself, which the kernel's HTTP driver answers."""
        reason = _REASONS.get(status, "Bad Request")
        body = f"<h2>{reason}</h2>\r\n<hr><p>HTTP Error {status}. {reason}.</p>\r\n".encode()
        return Response(status, body, "text/html; charset=us-ascii", server="Microsoft-HTTPAPI/2.0")

    def respond(self, request: Request) -> Response:
        try:
            config = self._read()
        except ConfigError as problem:
            return _error(500, {}, str(problem))
        if request.method == "OPTIONS":
            return Response(200, b"", "text/html", [("Allow", _METHODS)], list(config.headers.values()))
        if request.method not in ("GET", "HEAD", "POST"):
            return self._error(405, config)
        path = _normal(request.target.partition("?")[0])
        if path is None:
            return self.refusal(400, request.peer, request.local)
        if any(part.lower() in _HIDDEN for part in path.split("/")):
            return self._error(404, config)
        response = self._file(path, config, request)
        response.own = [*response.own, *config.headers.values()]
        return response

    def _error(self, status: int, config: Config) -> Response:
        return _error(status, config.headers)

    def _file(self, path: str, config: Config, request: Request) -> Response:
        try:
            node = self._disk.node(ROOT + path.replace("/", "\\"))
        except OSError:
            return _error(404, {})
        if node is not None and node["content"] is None:
            if not path.endswith("/"):
                return self._moved(f"{path}/", request)
            for name in config.documents:
                inner = self._disk.node(f"{ROOT}{path}{name}".replace("/", "\\"))
                if inner is not None and inner["content"] is not None:
                    return _static(inner, name, config, request)
            return _error(403, {})
        if node is None or path.endswith("/"):
            return _error(404, {})
        return _static(node, path, config, request)

    def _moved(self, path: str, request: Request) -> Response:
        host = request.headers.get("host", "").partition(":")[0]
        where = f"http://{host}{'' if self._port == 80 else f':{self._port}'}{path}"
        body = f'<head><title>Document Moved</title></head>\n<body><h1>Object Moved</h1>This document may be found <a HREF="{where}">here</a></body>'  # noqa: E501 - IIS's own line
        return Response(301, body.encode(), "text/html; charset=UTF-8", [("Location", where)])


def _static(node: dict[str, object], name: str, config: Config, request: Request) -> Response:
    ending = posixpath.splitext(name)[1].lower() or "."
    kind = config.types.get(ending)
    if kind is None:
        return _error(404, {})  # 404.3: IIS serves no file whose type it does not know
    if request.method == "POST":
        return _error(405, {})
    body = str(node["content"]).encode("utf-8", "surrogateescape")
    changed = int(float(str(node["mtime"])))
    tag = f'"{changed:x}:0"'
    head = [("Cache-Control", config.cache)] if config.cache else []
    head += [("Last-Modified", formatdate(changed, usegmt=True)), ("Accept-Ranges", "bytes"), ("ETag", tag)]
    if request.headers.get("if-none-match") == tag:
        return Response(304, b"", "", head)
    return Response(200, body, kind, head, repeatable=True)


def _error(status: int, headers: dict[str, tuple[str, str]], detail: str = "") -> Response:
    title = _TITLES[status]
    body = f"<!DOCTYPE html>\r\n<html>\r\n<head><title>{title}</title></head>\r\n<body><h2>{title}</h2>\r\n"
    body += f"<p>{detail}</p>\r\n" if detail else ""
    return Response(status, f"{body}</body>\r\n</html>\r\n".encode(), own=list(headers.values()))


def _normal(path: str) -> str | None:
    """A decoded path without dots and double slashes; None for what is none."""
    decoded = unquote(path, errors="replace")
    if "\0" in decoded or "\\" in decoded:
        return None
    parts: list[str] = []
    for part in decoded.split("/")[1:]:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if parts and decoded.endswith(("/", "/.", "/..")) else "")


def parse(text: str) -> Config:
    """Read a web.config. Raises ConfigError for what is not well-formed, and for sections that are not known here."""
    if "<!DOCTYPE" in text:
        raise ConfigError("0x8007000d: a DOCTYPE is not allowed in web.config")
    try:
        root = ElementTree.fromstring(text.lstrip("\ufeff"))  # noqa: S314 - what could grow needs a DOCTYPE
    except ElementTree.ParseError as problem:
        raise ConfigError(f"0x8007000d: configuration file is not well-formed XML: {problem}") from None
    if root.tag != "configuration":
        raise ConfigError("0x8007000d: the root is not <configuration>")
    config = Config()
    for part in root:
        if part.tag != "system.webServer":
            raise ConfigError(f"the sandbox's IIS does not know the section <{part.tag}>")
        for section in part:
            _section(config, section)
    return config


def _section(config: Config, section: Element) -> None:
    match section.tag:
        case "httpProtocol":
            for name, entry in _entries(section, "customHeaders", "name"):
                config.headers = _changed(config.headers, entry, name, (entry.get("name", ""), entry.get("value", "")))
        case "defaultDocument":
            for name, entry in _entries(section, "files", "value"):
                rest = [] if entry.tag == "clear" else [one for one in config.documents if one.lower() != name]
                config.documents = [entry.get("value", ""), *rest] if entry.tag == "add" else rest
        case "staticContent":
            for entry in section:
                if entry.tag == "clientCache":
                    config.cache = _cache(entry)
                elif entry.tag in ("mimeMap", "remove"):
                    ending = entry.get("fileExtension", "").lower()
                    if entry.tag == "mimeMap" and ending in config.types:
                        # A second map of one ending is the classic 500.19.
                        raise ConfigError(
                            f"0x800700b7: cannot add duplicate collection entry of type 'mimeMap' {ending}"
                        )
                    config.types.pop(ending, None)
                    if entry.tag == "mimeMap":
                        config.types[ending] = entry.get("mimeType", "")
                else:
                    raise ConfigError(f"the sandbox's IIS does not know <{entry.tag}> in <staticContent>")
        case tag:
            raise ConfigError(f"the sandbox's IIS does not know the section <{tag}>")


def _entries(section: Element, collection: str, key: str) -> list[tuple[str, Element]]:
    found = []
    for inner in section:
        if inner.tag != collection:
            raise ConfigError(f"the sandbox's IIS does not know <{inner.tag}> in <{section.tag}>")
        for entry in inner:
            if entry.tag not in ("add", "remove", "clear"):
                raise ConfigError(f"0x8007000d: unrecognized element '{entry.tag}'")
            found.append((entry.get(key, "").lower(), entry))
    return found


def _changed(
    headers: dict[str, tuple[str, str]], entry: Element, name: str, value: tuple[str, str]
) -> dict[str, tuple[str, str]]:
    if entry.tag == "clear":
        return {}
    if entry.tag == "add" and name in headers:
        raise ConfigError(f"0x800700b7: cannot add duplicate collection entry of type 'add' with name '{value[0]}'")
    rest = {known: pair for known, pair in headers.items() if known != name}
    return {**rest, name: value} if entry.tag == "add" else rest


def _cache(entry: Element) -> str:
    match entry.get("cacheControlMode", "NoControl"):
        case "DisableCache":
            return "no-cache"
        case "NoControl":
            return ""
        case mode:
            raise ConfigError(f"the sandbox's IIS does not know cacheControlMode {mode!r}")

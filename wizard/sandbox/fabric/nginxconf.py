"""nginx's configuration as the machines' files hold it, read into servers and locations.

Only what serving pages needs is understood; a directive outside of that is an error with nginx's own words, so that a
mistake in a cloud-init file shows here as it would on Azure. Known directives that change no answer are skipped.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from wizard.sandbox.fabric.disk import Disk

MAIN = "/etc/nginx/nginx.conf"

_IGNORED = frozenset(
    [
        "access_log",
        "client_body_timeout",
        "client_header_timeout",
        "client_max_body_size",
        "events",
        "error_log",
        "gzip",
        "gzip_comp_level",
        "gzip_disable",
        "gzip_min_length",
        "gzip_proxied",
        "gzip_types",
        "gzip_vary",
        "etag",
        "keepalive_timeout",
        "large_client_header_buffers",
        "load_module",
        "log_format",
        "log_not_found",
        "multi_accept",
        "pid",
        "reset_timedout_connection",
        "resolver",
        "send_timeout",
        "sendfile",
        "server_names_hash_bucket_size",
        "ssl_ciphers",
        "ssl_prefer_server_ciphers",
        "ssl_protocols",
        "tcp_nodelay",
        "tcp_nopush",
        "types_hash_max_size",
        "use",
        "user",
        "worker_connections",
        "worker_processes",
        "worker_rlimit_nofile",
        "expires",
        "charset",
        "absolute_redirect",
        "port_in_redirect",
    ]
)
_UNDERSTOOD = frozenset(
    [
        "http",
        "server",
        "listen",
        "server_name",
        "root",
        "alias",
        "index",
        "add_header",
        "location",
        "return",
        "default_type",
        "try_files",
        "types",
        "include",
        "server_tokens",
        "set",
        "keepalive_requests",
        "error_page",
        "deny",
        "allow",
        "internal",
    ]
)


class ConfigError(Exception):
    """The configuration does not hold; the text is what nginx prints after `[emerg]`."""


@dataclass(frozen=True)
class Directive:
    name: str
    args: tuple[str, ...]
    block: tuple[Directive, ...] | None
    place: str  # "FILE:LINE"


@dataclass(frozen=True)
class Header:
    name: str
    value: str
    always: bool


@dataclass
class Scope:
    """What a level hands down to the next: a level that sets headers of its own drops its parent's."""

    root: str = "/usr/share/nginx/html"
    index: tuple[str, ...] = ("index.html",)
    default_type: str = "text/plain"
    headers: tuple[Header, ...] = ()
    types: Mapping[str, str] = field(default_factory=lambda: {"html": "text/html"})
    tokens: bool = True
    try_files: tuple[str, ...] = ()
    answer: tuple[int, str | None] | None = None  # of `return`
    alias: str | None = None
    error_pages: Mapping[int, str] = field(default_factory=dict)
    sets: tuple[tuple[str, str], ...] = ()
    internal: bool = False
    denied: bool = False


@dataclass
class Location:
    modifier: str  # "", "=", "^~", "~", "~*"
    pattern: str
    scope: Scope
    expression: re.Pattern[str] | None = None


@dataclass
class Server:
    listens: tuple[tuple[str, int, bool], ...]  # address ("*" for any), port, default_server
    names: tuple[str, ...]
    scope: Scope
    locations: tuple[Location, ...]
    keepalive_requests: int


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+)|(?P<line>\n)|(?P<comment>\#[^\n]*)|(?P<sign>[;{}])"""
    r"""|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<word>(?:\$\{[^}]*\}|\\.|[^\s;{}"'])(?:\$\{[^}]*\}|\\.|[^\s;{}])*)""",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), text, flags=re.DOTALL)


def _tokens(text: str, path: str) -> list[tuple[str, bool, int]]:
    """(text, is a sign, line) of a file."""
    found: list[tuple[str, bool, int]] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConfigError(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
        if match["sign"]:
            found.append((match["sign"], True, line))
        elif (quoted := match["double"] if match["double"] is not None else match["single"]) is not None:
            found.append((_unescape(quoted), False, line))
        elif match["word"]:
            found.append((_unescape(match["word"]), False, line))
        line += match[0].count("\n")
        position = match.end()
    return found


def parse(text: str, path: str = MAIN) -> tuple[Directive, ...]:
    """The directives of one file; ConfigError where its grammar breaks."""
    tokens = _tokens(text, path)
    position = 0

    def block(inside: bool) -> tuple[Directive, ...]:
        nonlocal position
        found: list[Directive] = []
        words: list[str] = []
        start = 0
        while position < len(tokens):
            word, sign, line = tokens[position]
            position += 1
            if not sign:
                if not words:
                    start = line
                words.append(word)
                continue
            if word == "}":
                if words or not inside:
                    raise ConfigError(f'unexpected "}}" in {path}:{line}')
                return tuple(found)
            if not words:
                raise ConfigError(f'unexpected "{word}" in {path}:{line}')
            nested = block(True) if word == "{" else None
            found.append(Directive(words[0], tuple(words[1:]), nested, f"{path}:{start}"))
            words = []
        if words or inside:
            last = tokens[-1][2] if tokens else 1
            raise ConfigError(f'unexpected end of file, expecting "{"}" if inside else ";"}" in {path}:{last}')
        return tuple(found)

    return block(False)


def _included(disk: Disk, directives: tuple[Directive, ...], depth: int = 0) -> tuple[Directive, ...]:
    found: list[Directive] = []
    for one in directives:
        if one.name != "include":
            nested = _included(disk, one.block, depth) if one.block is not None else None
            found.append(Directive(one.name, one.args, nested, one.place))
            continue
        pattern = posixpath.join("/etc/nginx", one.args[0] if one.args else "")
        paths = disk.glob(pattern)
        if not paths and not any(sign in pattern for sign in "*?["):
            raise ConfigError(f'open() "{pattern}" failed (2: No such file or directory) in {one.place}')
        for path in paths:
            if depth < 8 and not disk.is_dir(path):
                try:
                    text = disk.read(path)
                except OSError as error:
                    raise ConfigError(f'open() "{path}" failed (2: {error}) in {one.place}') from None
                found += _included(disk, parse(text, path), depth + 1)
    return tuple(found)


def _scope(parent: Scope, directives: tuple[Directive, ...]) -> Scope:  # noqa: PLR0912 - a case per directive
    scope = Scope(parent.root, parent.index, parent.default_type, parent.headers, parent.types, parent.tokens,
                  error_pages=dict(parent.error_pages), sets=parent.sets, denied=parent.denied)  # fmt: skip
    own: list[Header] = []
    for one in directives:
        _require(one)
        args = one.args
        match one.name:
            case "root":
                scope.root, scope.alias = args[0], None
            case "alias":
                scope.alias = args[0]
            case "index":
                scope.index = args
            case "default_type":
                scope.default_type = args[0]
            case "add_header":
                own.append(Header(args[0], args[1], args[2:] == ("always",)))
            case "types":
                scope.types = {ending: one.name for one in one.block or () for ending in one.args}
            case "server_tokens":
                scope.tokens = args[0] != "off"
            case "try_files":
                scope.try_files = args
            case "set":
                scope.sets = (*scope.sets, (args[0].lstrip("$"), args[1]))
            case "internal":
                scope.internal = True
            case "deny" | "allow":
                scope.denied = (one.name == "deny" and args[0] == "all") or scope.denied
            case "error_page":
                scope.error_pages = {**scope.error_pages, **{int(a): args[-1] for a in args[:-1] if a.isdigit()}}
            case "return":
                scope.answer = scope.answer or _answer(one)
    if own:
        scope.headers = tuple(own)
    return scope


_LEAST_ARGS = {"add_header": 2, "root": 1, "alias": 1, "index": 1, "default_type": 1, "try_files": 2, "set": 2,
               "return": 1, "listen": 1, "server_tokens": 1, "error_page": 2, "keepalive_requests": 1}  # fmt: skip


def _require(one: Directive) -> None:
    if one.name not in _UNDERSTOOD and one.name not in _IGNORED:
        raise ConfigError(f'unknown directive "{one.name}" in {one.place}')
    if len(one.args) < _LEAST_ARGS.get(one.name, 0):
        raise ConfigError(f'invalid number of arguments in "{one.name}" directive in {one.place}')


def _answer(one: Directive) -> tuple[int, str | None]:
    if one.args[0].isdigit() and int(one.args[0]) <= 999:
        return int(one.args[0]), one.args[1] if len(one.args) > 1 else None
    if len(one.args) == 1 and one.args[0].startswith(("http://", "https://", "$scheme")):
        return 302, one.args[0]
    raise ConfigError(f'invalid return code "{one.args[0]}" in {one.place}')


def _listen(one: Directive) -> tuple[str, int, bool] | None:
    """None for IPv6, which machines have not."""
    where, flags = one.args[0], one.args[1:]
    if where.startswith(("[", "unix:")):
        return None
    if "ssl" in flags:
        raise ConfigError(f'no "ssl_certificate" is defined for the "listen ... ssl" directive in {one.place}')
    address, _, port = where.rpartition(":")
    if not address and not port.isdigit():
        address, port = where, "80"
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f'invalid port in "{where}" of the "listen" directive in {one.place}')
    address = "*" if address in ("", "*", "0.0.0.0") else address.replace("localhost", "127.0.0.1")  # noqa: S104
    return address, int(port), "default_server" in flags


def _location(one: Directive, parent: Scope) -> Location:
    modifier, pattern = one.args if len(one.args) == 2 else ("", one.args[0] if one.args else "/")
    expression = None
    if modifier in ("~", "~*"):
        try:
            expression = re.compile(pattern, re.IGNORECASE if modifier == "~*" else 0)
        except re.error as error:
            raise ConfigError(f'pcre2_compile() failed: {error} in "{pattern}" in {one.place}') from None
    return Location(modifier, pattern, _scope(parent, one.block or ()), expression)


def _server(one: Directive, parent: Scope) -> Server:
    inner = one.block or ()
    scope = _scope(parent, inner)
    listens = [found for each in inner if each.name == "listen" if (found := _listen(each)) is not None]
    if not any(each.name == "listen" for each in inner):
        listens = [("*", 80, False)]
    names = tuple(name.lower() for each in inner if each.name == "server_name" for name in each.args)
    locations = tuple(_location(each, scope) for each in inner if each.name == "location")
    keep = next((int(each.args[0]) for each in inner if each.name == "keepalive_requests"), 1000)
    return Server(tuple(listens), names, scope, locations, keep)


def load(disk: Disk) -> tuple[Server, ...]:
    """Every server the machine's files configure; ConfigError as `nginx -t` would tell it."""
    try:
        text = disk.read(MAIN)
    except OSError:
        raise ConfigError(f'open() "{MAIN}" failed (2: No such file or directory)') from None
    top = _included(disk, parse(text))
    servers: list[Server] = []
    for one in top:
        _require(one)
        if one.name == "http":
            scope = _scope(Scope(), tuple(each for each in one.block or () if each.name != "server"))
            servers += [_server(each, scope) for each in one.block or () if each.name == "server"]
        elif one.name in _UNDERSTOOD:
            raise ConfigError(f'"{one.name}" directive is not allowed here in {one.place}')
    chosen: set[tuple[str, int]] = set()
    for server in servers:
        for address, port, default in server.listens:
            if default and (address, port) in chosen:
                raise ConfigError(f"a duplicate default server for {address}:{port}")
            if default:
                chosen.add((address, port))
    _check_variables(servers)
    return tuple(servers)


VARIABLES = frozenset(
    [
        "hostname",
        "remote_addr",
        "remote_port",
        "uri",
        "document_uri",
        "request_uri",
        "host",
        "server_port",
        "server_addr",
        "server_name",
        "scheme",
        "request_method",
        "args",
        "query_string",
        "is_args",
        "request",
        "nginx_version",
        "server_protocol",
        "time_iso8601",
        "time_local",
        "msec",
        "request_id",
        "connection",
        "document_root",
        "status",
    ]
)
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


def _check_variables(servers: list[Server]) -> None:
    for server in servers:
        for scope in (server.scope, *(location.scope for location in server.locations)):
            known = {name for name, _ in scope.sets}
            texts = [header.value for header in scope.headers] + [value for _, value in scope.sets]
            texts += [*scope.try_files, scope.answer[1] or "" if scope.answer else ""]
            for text in texts:
                for match in VARIABLE.finditer(text):
                    name = match[1] or match[2]
                    if name not in VARIABLES and name not in known and not name.startswith(("http_", "arg_")):
                        raise ConfigError(f'unknown "{name}" variable')

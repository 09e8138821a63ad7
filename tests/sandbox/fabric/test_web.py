"""The web server answers as the real nginx does with the same configuration, and survives what clients may send."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.fabric.azure_documents import loopback, page
from wizard.sandbox.fabric import image, nginxconf, web, wire
from wizard.sandbox.fabric.answers import Site
from wizard.sandbox.fabric.disk import Disk, Node

NGINX = shutil.which("nginx") or ("/usr/sbin/nginx" if Path("/usr/sbin/nginx").exists() else None)
BANNER = "nginx/1.22.1"


def page_site() -> str:
    """The server block of the product's own page."""
    import yaml

    return str(yaml.safe_load(page())["write_files"][0]["content"])


SITE = """
server {
    listen 80 default_server;
    server_name _;
    root ROOT;
    index index.html;
    default_type text/plain;
    add_header X-Always yes always;
    add_header X-Sometimes "$uri of $request_method";
    location = /exact { return 200 "exact $request_uri $args $arg_x\\n"; }
    location /json { default_type application/json; return 200 '{"scheme": "$scheme"}'; }
    location /gone { return 410 "gone\\n"; }
    location /empty { return 204; }
    location /old { return 301 /new; }
    location /away { return 302 http://example.com/x?$args; }
    location /bare { return 403; }
    location /own { add_header X-Own 1; return 200 own; }
    location ^~ /files/strict { return 200 prefix; }
    location ~ \\.txt$ { return 200 "regex"; }
    location /files/ { try_files $uri $uri/ =404; }
    location /fallback/ { try_files $uri /exact; }
    location /hidden { internal; return 200 no; }
    error_page 404 /missing.html;
}
server {
    listen 80;
    server_name other.example *.wild.example;
    return 200 "other $host $server_port";
}
"""

REQUESTS = [
    "GET / HTTP/1.1", "HEAD / HTTP/1.1", "POST / HTTP/1.1", "GET /nowhere HTTP/1.1", "GET /index.html HTTP/1.1",
    "GET /exact?x=1&y=2 HTTP/1.1", "HEAD /exact HTTP/1.1", "POST /exact HTTP/1.1", "DELETE /exact HTTP/1.1",
    "GET /json HTTP/1.1", "GET /gone HTTP/1.1", "GET /empty HTTP/1.1", "GET /old HTTP/1.1", "GET /away?q=1 HTTP/1.1",
    "GET /bare HTTP/1.1", "GET /own HTTP/1.1", "GET /files/strict.txt HTTP/1.1", "GET /a.txt HTTP/1.1",
    "GET /files HTTP/1.1", "GET /files/ HTTP/1.1", "GET /files/x.html HTTP/1.1", "GET /fallback/x HTTP/1.1",
    "GET /hidden HTTP/1.1", "GET /a/../exact HTTP/1.1", "GET //exact HTTP/1.1", "GET /%65xact HTTP/1.1",
    "GET /../../etc/passwd HTTP/1.1", "GET /exact HTTP/1.0", "GET / HTTP/2.0", "GET", "nonsense / x", "GET  / HTTP/1.1",
]  # fmt: skip


def files(site: str) -> dict[str, Node]:
    root = {"content": "<p>home</p>\n", "mode": 0o644, "mtime": 1_700_000_000}
    inner = {"content": "x\n", "mode": 0o644, "mtime": 1_700_000_000}
    return {
        **image.nginx_files(image.find("debian")),
        "/etc/nginx/sites-enabled/default": {"content": site.replace("ROOT", "/srv/www"), "mode": 0o644},
        "/srv/www": {"dir": True}, "/srv/www/files": {"dir": True}, "/srv": {"dir": True}, "/": {"dir": True},
        "/srv/www/index.html": root, "/srv/www/files/x.html": inner, "/etc": {"dir": True},
        "/srv/www/missing.html": {"content": "lost\n", "mode": 0o644, "mtime": 1_700_000_000},
    }  # fmt: skip


def ours(site: str, port: int = 80) -> Site:
    disk = Disk(files(site), {}, {}, lambda: None)
    return Site(nginxconf.load(disk), port, disk, socket.gethostname, BANNER)


class Client(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True


def exchange(site: Site, raw: bytes, *, pieces: int = 0) -> Client:
    """Send bytes to a new connection and let everything happen that happens at once."""

    async def run() -> Client:
        near, far = wire.pair(("127.0.0.1", 40000), ("10.0.1.4", 80))
        client, server = Client(), web.HttpConnection(site)
        near.set_protocol(client)
        far.set_protocol(server)
        server.connection_made(far)
        step = pieces or len(raw) or 1
        for at in range(0, len(raw), step):
            near.write(raw[at : at + step])
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        near.abort()
        await asyncio.sleep(0)
        return client

    return asyncio.run(run())


@contextlib.contextmanager
def real_nginx(folder: Path, site: str) -> Iterator[tuple[str, int]]:
    """The real thing with the same site, on a loopback address of its own."""
    assert NGINX
    with socket.socket() as probe:
        probe.bind((loopback(), 0))
        address, port = probe.getsockname()
    root = folder / "www"
    (root / "files").mkdir(parents=True)
    for name, text in (("index.html", "<p>home</p>\n"), ("files/x.html", "x\n"), ("missing.html", "lost\n")):
        (root / name).write_text(text)
    for one in (folder, root, root / "files"):
        one.chmod(0o755)
    conf = site.replace("ROOT", str(root)).replace("listen 80", f"listen {address}:{port}")
    (folder / "mime.types").write_text("types { text/html html; text/plain txt; }")
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off; include {folder}/mime.types; default_type application/octet-stream;\n"
        f"port_in_redirect off;\n{conf}\n}}"
    )
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 5
        while True:
            try:
                socket.create_connection((address, port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "error.log").read_text()
                time.sleep(0.01)  # there is no event for another process's listen()
        yield address, port
    finally:
        process.terminate()
        process.communicate(timeout=5)


def asked(where: tuple[str, int], raw: bytes) -> bytes:
    with socket.create_connection(where, timeout=3) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.5)  # nginx may linger over a body that never comes
        received = b""
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(65536):
                received += piece
        return received


def facts(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Status line, headers without those that name a moment or a build, and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = {name: value for name, value in (line.split(": ", 1) for line in lines if ": " in line)
               if name not in ("Date", "ETag", "Last-Modified", "Server")}  # fmt: skip
    return status, headers, body


def requests() -> list[bytes]:
    made = [f"{line}\r\nHost: site.example\r\nConnection: close\r\n\r\n".encode() for line in REQUESTS]
    made += [f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode() for host in
             ("other.example", "a.wild.example", "OTHER.example:80", "")]  # fmt: skip
    return [
        *made,
        b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /exact HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"POST /exact HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n",
        b"POST /exact HTTP/1.1\r\nHost: x\r\nContent-Length: five\r\n\r\nhello",
    ]


@pytest.mark.skipif(NGINX is None, reason="nginx is what it is compared with, and it is not installed")
@pytest.mark.parametrize("which", ["page", "site"])
def test_answers_are_those_of_the_real_nginx(tmp_path: Path, which: str) -> None:
    site = page_site() if which == "page" else SITE
    version = subprocess.run([str(NGINX), "-v"], capture_output=True, text=True, check=True).stderr.split()[-1]
    mine, different = ours(site), []
    with real_nginx(tmp_path, site) as where:
        for raw in requests():
            expected = facts(asked(where, raw))
            found = facts(exchange(mine, raw).received)
            body = expected[2].replace(version.encode(), BANNER.encode()).replace(str(where[1]).encode(), b"80")
            expected[1].pop("Content-Length", None)
            found[1].pop("Content-Length", None)
            if found != (expected[0], expected[1], body):
                different.append((raw[:80], found, (expected[0], expected[1], body)))
    assert not different, "\n".join(f"{raw!r}\n  ours {mine}\n  real {real}" for raw, mine, real in different)


def test_kept_alive_pipelined_and_torn_requests_get_the_same_answers() -> None:
    one = b"GET /exact HTTP/1.1\r\nHost: x\r\n\r\n"
    body = b"POST /exact HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    whole = exchange(ours(SITE), one + body + one)
    assert whole.received.count(b"HTTP/1.1 200 OK") == 3
    for pieces in (1, 2, 7):
        torn = exchange(ours(SITE), one + body + one, pieces=pieces).received
        assert [line for line in torn.split(b"\r\n") if b"Date" not in line] == [
            line for line in whole.received.split(b"\r\n") if b"Date" not in line
        ]


def test_what_is_remembered_is_forgotten_when_the_disk_changes() -> None:
    disk = Disk(files(SITE), {}, {}, lambda: None)
    site = Site(nginxconf.load(disk), 80, disk, lambda: "web1", BANNER)
    raw = b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n"
    assert exchange(site, raw + raw).received.count(b"<p>home</p>") == 2
    disk.write("/srv/www/index.html", "changed")
    assert exchange(site, raw).received.endswith(b"changed")


@given(st.one_of(st.binary(max_size=300), st.sampled_from(requests()).flatmap(
    lambda raw: st.tuples(st.integers(0, len(raw)), st.binary(max_size=4)).map(
        lambda cut: raw[: cut[0]] + cut[1] + raw[cut[0] :]))))  # fmt: skip
def test_no_bytes_break_the_server(raw: bytes) -> None:
    received = exchange(ours(SITE), raw).received
    assert received == b"" or received.startswith(b"HTTP/1.1 ")


def test_limits_hold() -> None:
    endless = exchange(ours(SITE), b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
    assert endless.received.startswith(b"HTTP/1.1 400")
    assert endless.lost


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("server { listen 80; retrun 200; }", 'unknown directive "retrun" in'),
        ("server { listen 80;", 'unexpected end of file, expecting "}"'),
        ("server { listen 80 }", 'unexpected "}"'),
        ("server { listen 80; add_header X $nothing; }", 'unknown "nothing" variable'),
        ("server { listen 80 default_server; } server { listen 80 default_server; }", "a duplicate default server for"),
        ("server { listen 99999; }", "invalid port in"),
        ("server { add_header X; }", "invalid number of arguments in"),
        ("listen 80;", ""),
    ],
)
def test_a_broken_configuration_is_told_in_nginx_words(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(nginxconf.ConfigError) as caught:
        ours(text) if problem else nginxconf.load(
            Disk({"/etc/nginx/nginx.conf": {"content": text}, "/": {"dir": True}}, {}, {}, lambda: None)
        )
    assert problem in str(caught.value)
    if NGINX and problem:
        (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{text}\n}}\n")
        real = subprocess.run([NGINX, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")],
                              capture_output=True, text=True, check=False)  # fmt: skip
        assert problem in real.stderr

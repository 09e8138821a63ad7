"""The web server of Windows machines: files, web.config, and IIS's own answers."""

from __future__ import annotations

import pytest

from wizard.sandbox.fabric.web import parse_request
from wizard.sandbox.fabric.windows import iis
from wizard.sandbox.fabric.windows.machine import WindowsMachine

WEB = "<configuration><system.webServer>{}</system.webServer></configuration>"
NAMED = '<httpProtocol><customHeaders><clear /><add name="X-Served-By" value="web1" /></customHeaders></httpProtocol>'


@pytest.fixture
def site(still: WindowsMachine) -> iis.Site:
    still.disk.make_folder(iis.ROOT + r"\sub")
    still.disk.write(iis.ROOT + r"\index.html", "<p>home</p>")
    still.disk.write(iis.ROOT + r"\healthz", "ok")
    still.disk.write(iis.ROOT + r"\sub\a.txt", "text")
    return iis.Site(still.disk, 80)


def ask(site: iis.Site, target: str, method: str = "GET", *headers: str) -> tuple[int, str, bytes]:
    """Status, head and body as they go over the wire."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", *headers, "", ""]
    request = parse_request("\r\n".join(lines).encode(), ("1.2.3.4", 5), ("10.0.0.4", 80))
    assert not isinstance(request, int)
    response = site.respond(request)
    before, after = response.wire(keep=True, head=method == "HEAD")
    head, _, body = (before + b"today" + after).partition(b"\r\n\r\n")
    assert int(head.split()[1]) == response.status
    return response.status, head.decode(), body


@pytest.mark.parametrize(
    ("target", "status", "body"),
    [
        ("/", 200, b"<p>home</p>"),
        ("/INDEX.html?x=1", 200, b"<p>home</p>"),
        ("/sub/a.txt", 200, b"text"),
        ("/sub/../sub//a.txt", 200, b"text"),
        ("/sub", 301, None),
        ("/sub/", 403, None),
        ("/none", 404, None),
        ("/healthz", 404, None),  # an ending that no type is known for
        ("/web.config", 404, None),
        ("/bin/x.txt", 404, None),
        ("/a:b", 404, None),
        ("/../x", 400, None),
    ],
)
def test_paths(site: iis.Site, target: str, status: int, body: bytes | None) -> None:
    found, _, content = ask(site, target)
    assert found == status
    assert body is None or content == body


def test_web_config_names_headers_types_and_documents(still: WindowsMachine, site: iis.Site) -> None:
    assert "X-Powered-By: ASP.NET" in ask(site, "/")[1]
    still.disk.write(
        iis.ROOT + r"\web.config",
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + WEB.format(
            NAMED
            + '<staticContent><mimeMap fileExtension="." mimeType="text/plain" /></staticContent>'
            + '<defaultDocument><files><clear /><add value="healthz" /></files></defaultDocument>'
        ),
    )
    for target, status in (("/", 200), ("/healthz", 200), ("/none", 404), ("/sub/", 403)):
        found, head, _ = ask(site, target)
        assert found == status
        assert "X-Served-By: web1" in head
        assert "X-Powered-By" not in head
    assert ask(site, "/")[2] == b"ok"
    assert "Content-Type: text/plain" in ask(site, "/healthz")[1]


@pytest.mark.parametrize(
    "config",
    [
        "<configuration>",
        "<web/>",
        WEB.format("<rewrite><rules /></rewrite>"),
        WEB.format('<staticContent><mimeMap fileExtension=".html" mimeType="x" /></staticContent>'),
        WEB.format(NAMED.replace("<clear />", '<add name="X-Served-By" value="twice" />')),
        '<!DOCTYPE x [<!ENTITY a "aaaa">]>' + WEB.format(""),
    ],
)
def test_a_web_config_that_cannot_be_used_breaks_the_site(still: WindowsMachine, site: iis.Site, config: str) -> None:
    still.disk.write(iis.ROOT + r"\web.config", config)
    assert ask(site, "/")[0] == 500
    still.disk.remove(iis.ROOT + r"\web.config")
    assert ask(site, "/")[0] == 200


def test_methods_and_conditions(site: iis.Site) -> None:
    assert ask(site, "/", "HEAD")[2] == b""
    assert ask(site, "/", "DELETE")[0] == 405
    assert ask(site, "/", "OPTIONS")[0] == 200
    tag = next(line for line in ask(site, "/")[1].splitlines() if line.startswith("ETag"))
    status, head, body = ask(site, "/", "GET", tag.replace("ETag", "If-None-Match"))
    assert (status, body) == (304, b"")
    assert "Content-Length" not in head

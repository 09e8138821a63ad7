"""The engine against nginx and haproxy: TLS, bodies, limits of kept-alive connections, weights."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.verify.load import outsiders
from tests.verify.load.outsiders import Certificates
from wizard.verify import load
from wizard.verify.load.job import Client
from wizard.verify.load.transport import LeanTransport

pytestmark = [
    pytest.mark.skipif(outsiders.NGINX is None or outsiders.HAPROXY is None, reason="nginx and haproxy are wanted"),
    pytest.mark.xdist_group("outsiders"),
]

PAGES = """
  server {{
    listen 127.0.0.1:{plain}; listen 127.0.0.1:{good} ssl; root {folder}/www;
    keepalive_requests 1000000;
    ssl_certificate {pem[0]}; ssl_certificate_key {pem[1]};
    add_header X-Served-By vm1 always;
    location /chunked {{ alias {folder}/www; ssi on; ssi_types *; }}
    location = /nothing {{ return 204; }}
    location = /moved {{ return 301 http://127.0.0.1:1/there; }}
    location = /found {{ return 302 /here?a=b; }}
    location = /broken {{ return 503 "out of order"; }}
    location = /ended {{ keepalive_timeout 0; return 200 "bye"; }}
    location = /bad-gateway {{ proxy_pass http://127.0.0.1:1/; }}
  }}
  server {{ listen 127.0.0.1:{expired} ssl; ssl_certificate {old[0]}; ssl_certificate_key {old[1]};
    location / {{ return 200 "x"; }} }}
  server {{ listen 127.0.0.1:{other} ssl; ssl_certificate {else_[0]}; ssl_certificate_key {else_[1]};
    location / {{ return 200 "x"; }} }}
  server {{ listen 127.0.0.1:{seven}; keepalive_requests 7; root {folder}/www; }}
  server {{ listen 127.0.0.1:{brief}; keepalive_timeout 20ms; root {folder}/www; }}
  server {{ listen 127.0.0.1:{a}; add_header X-Served-By a; root {folder}/www; }}
  server {{ listen 127.0.0.1:{b}; add_header X-Served-By b; root {folder}/www; }}
"""
NAMES = ("plain", "good", "expired", "other", "seven", "brief", "a", "b")
BIG = 3_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nginx")


@pytest.fixture(scope="module")
def certificates(folder: Path) -> Certificates:
    return outsiders.certificates(folder)


@pytest.fixture(scope="module")
def at(folder: Path, certificates: Certificates) -> Iterator[dict[str, int]]:
    """nginx, by port."""
    (folder / "www").mkdir()
    (folder / "www" / "index.html").write_text("<h1>hello</h1>\n")
    (folder / "www" / "big").write_bytes(bytes(range(250)) * (BIG // 250))
    (folder / "www" / "empty").write_bytes(b"")
    ports = dict(zip(NAMES, outsiders.ports(len(NAMES)), strict=True))
    pages = PAGES.format(
        folder=folder, pem=certificates.good, old=certificates.expired, else_=certificates.other_name, **ports
    )
    with outsiders.nginx(folder, pages, list(ports.values())):
        yield ports


async def fetch(url: str, method: str = "GET", **options: object) -> httpx.Response:
    async with httpx.AsyncClient(transport=LeanTransport(**options)) as client:  # type: ignore[arg-type]
        return await client.request(method, url)


def tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(certificates.authority)
    return context


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("client", ["lean", "httpx"])
async def test_a_verified_certificate(
    at: dict[str, int], certificates: Certificates, keep_alive: bool, client: Client
) -> None:
    for host in ("127.0.0.1", "localhost"):  # localhost may be ::1 first, where nobody listens
        done = await load.run(
            f"https://{host}:{at['good']}/",
            duration_s=0.3,
            connections=4,
            keep_alive=keep_alive,
            ca=str(certificates.authority),
            client=client,
        )
        assert done.errors == 0
        assert done.by_vm["vm1"] == done.requests >= 4
        flows = done.connections_by_vm["vm1"]
        assert flows == (4 if keep_alive else done.requests)


@pytest.mark.parametrize(("door", "why"), [("expired", "expired"), ("other", "IP address mismatch")])
async def test_a_wrong_certificate(at: dict[str, int], certificates: Certificates, door: str, why: str) -> None:
    url = f"https://127.0.0.1:{at[door]}/"
    done = await load.run(url, duration_s=0.1, connections=2, ca=str(certificates.authority))
    assert done.errors == done.requests > 0
    assert set(done.errors_by_kind) == {"tls"}
    with pytest.raises(httpx.ConnectError, match=why):
        await fetch(url, tls=tls(certificates))
    insecure = await load.run(url, duration_s=0.1, connections=2, insecure=True)
    assert insecure.errors == 0


async def test_an_unknown_authority(at: dict[str, int]) -> None:
    done = await load.run(f"https://127.0.0.1:{at['good']}/", duration_s=0.1, connections=2)
    assert set(done.errors_by_kind) == {"tls"}
    with pytest.raises(httpx.ConnectError, match="unable to get local issuer certificate"):
        await fetch(f"https://127.0.0.1:{at['good']}/")


async def test_plain_http_to_a_tls_port_is_an_answer_of_400(at: dict[str, int]) -> None:
    done = await load.run(f"http://127.0.0.1:{at['good']}/", duration_s=0.1, connections=1)
    assert done.statuses.keys() == {"400"}
    assert set(done.errors_by_kind) == {"status"}


@pytest.mark.parametrize("keep_alive", [True, False])
async def test_bodies(at: dict[str, int], folder: Path, keep_alive: bool) -> None:
    url = f"http://127.0.0.1:{at['plain']}"
    big = await fetch(f"{url}/big", keep_alive=keep_alive)
    assert big.content == (folder / "www" / "big").read_bytes()
    chunked = await fetch(f"{url}/chunked/index.html", keep_alive=keep_alive)
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert chunked.text == "<h1>hello</h1>\n"
    assert (await fetch(f"{url}/empty", keep_alive=keep_alive)).content == b""
    nothing = await fetch(f"{url}/nothing", keep_alive=keep_alive)
    assert (nothing.status_code, nothing.content) == (204, b"")
    head = await fetch(f"{url}/big", "HEAD", keep_alive=keep_alive)
    assert (head.headers["content-length"], head.content) == (str(BIG), b"")


async def test_a_conditional_request_gets_a_304_without_a_body(at: dict[str, int]) -> None:
    url = f"http://127.0.0.1:{at['plain']}/"
    async with httpx.AsyncClient(transport=LeanTransport()) as client:
        tag = (await client.get(url)).headers["etag"]
        for _ in range(3):
            unchanged = await client.get(url, headers={"If-None-Match": tag})
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert (await client.get(url)).text == "<h1>hello</h1>\n"


async def test_big_bodies_under_load(at: dict[str, int]) -> None:
    for keep_alive in (True, False):
        done = await load.run(
            f"http://127.0.0.1:{at['plain']}/big", duration_s=0.4, connections=5, keep_alive=keep_alive
        )
        assert done.errors == 0
        assert done.requests > 5


@pytest.mark.parametrize(
    ("path", "kind", "statuses", "redirects"),
    [
        ("/moved", "redirect", {"301"}, {"http://127.0.0.1:1/there"}),
        ("/found", "redirect", {"302"}, {"/here?a=b"}),
        ("/broken", "status", {"503"}, set()),
        ("/bad-gateway", "status", {"502"}, set()),
        ("/missing", "status", {"404"}, set()),
    ],
)
async def test_answers_that_are_not_the_page(
    at: dict[str, int], path: str, kind: str, statuses: set[str], redirects: set[str]
) -> None:
    done = await load.run(
        f"http://127.0.0.1:{at['plain']}{path}", duration_s=5, connections=3, requests=50, keep_alive=True
    )
    assert dict(done.errors_by_kind) == {kind: 50}
    assert done.statuses.keys() == statuses
    located = {where.replace(f"http://127.0.0.1:{at['plain']}", "") for where in done.redirects}
    assert located == redirects
    assert done.rps == 0


async def test_a_server_that_ends_connections_after_so_many_answers(at: dict[str, int], folder: Path) -> None:
    """nginx says so in the last answer: no request is lost, none sent twice."""
    before = len((folder / "access.log").read_text().splitlines())
    done = await load.run(
        f"http://127.0.0.1:{at['seven']}/", duration_s=20, connections=4, requests=700, keep_alive=True
    )
    assert (done.requests, done.errors, done.stale_retries) == (700, 0, 0)
    assert len((folder / "access.log").read_text().splitlines()) - before == 700


async def test_a_server_that_forgets_idle_connections(at: dict[str, int], folder: Path) -> None:
    """At 40 requests a second over 20 ms of patience most find their connection closed, or closing."""
    before = len((folder / "access.log").read_text().splitlines())
    done = await load.run(f"http://127.0.0.1:{at['brief']}/", duration_s=1.5, connections=9, rate=48, keep_alive=True)
    assert (done.requests, done.errors) == (72, 0)
    assert len((folder / "access.log").read_text().splitlines()) - before == 72, "a retried one was never heard"


@pytest.mark.parametrize(("weights", "share"), [((50, 150), 0.75), ((100, 100), 0.5)])
async def test_shares_are_the_balancer_s_weights(
    at: dict[str, int], tmp_path: Path, weights: tuple[int, int], share: float
) -> None:
    (port,) = outsiders.ports(1)
    sections = (
        f"frontend f\n bind 127.0.0.1:{port}\n default_backend b\n"
        "backend b\n balance random(1)\n hash-balance-factor 0\n"
        f" server a 127.0.0.1:{at['a']} weight {weights[0]}\n server b 127.0.0.1:{at['b']} weight {weights[1]}\n"
    )
    with outsiders.haproxy(tmp_path, sections, [port]):
        done = await load.run(f"http://127.0.0.1:{port}/", duration_s=20, connections=10, requests=3000)
    assert done.errors == 0
    assert sum(done.connections_by_vm.values()) == done.requests == 3000
    assert done.by_vm["b"] / 3000 == pytest.approx(share, abs=0.045), "five standard deviations"
    assert done.spread_p_value is not None
    if share == 0.5:
        assert done.spread_p_value > 1e-6
    else:
        assert done.spread_p_value < 1e-12


async def test_haproxy_between_the_engine_and_nothing(tmp_path: Path) -> None:
    (port,) = outsiders.ports(1)
    sections = (
        f"frontend f\n bind 127.0.0.1:{port}\n default_backend b\nbackend b\n retries 0\n server gone 127.0.0.1:1\n"
    )
    with outsiders.haproxy(tmp_path, sections, [port]):
        done = await load.run(f"http://127.0.0.1:{port}/", duration_s=5, connections=2, requests=4, keep_alive=True)
    assert done.statuses == {"503": 4}

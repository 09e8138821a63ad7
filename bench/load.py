"""How many requests a second one core of the load engine sends, beside hey, wrk, Locust and httpx as it comes.

    python bench/load.py [--seconds 60] [--connections 50] [--only ours,hey] [--with-locust]

nginx with one worker on core 0 answers a page of 65 bytes over plain HTTP on loopback; the generators take turns on
core 1, round after round, so that whatever else the machine does meets them alike. Each round is a pair with hey's of
the same round: the ratio shown is the median of the rounds' ratios. A generator that is not installed is said to be
absent. Locust is installed into a folder of its own, and only with --with-locust. Linux, two cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PAGE = "<html><body><h1>This page has sixty-five bytes.</h1></body></html>"[:64] + "\n"
SERVER_CORE, GENERATOR_CORE = 0, 1
LOCUST = Path(tempfile.gettempdir()) / "multivm-wizard-bench-locust"

NGINX = """
worker_processes 1; worker_cpu_affinity {mask:b}; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 75s; default_type text/html;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ add_header X-Served-By vm1; root {folder}/www; }}
  }}
}}
"""

LOCUST_FILE = """
from locust import FastHttpUser, task
class User(FastHttpUser):
    {default_headers}
    @task
    def page(self):
        self.client.get("/")
"""


@dataclass(frozen=True)
class Measured:
    """Good answers a second of wall time and of the generator's CPU time."""

    rps: float
    per_core: float


Run = Callable[[str, int, float, bool], Measured]


@contextmanager
def nginx() -> Iterator[str]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with socket.socket() as probe, tempfile.TemporaryDirectory(prefix="multivm-bench-") as name:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "www").mkdir()
        (folder / "www" / "index.html").write_text(PAGE)
        probe.close()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, mask=1 << SERVER_CORE))
        server = subprocess.Popen([program, "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
        try:
            until = time.monotonic() + 10
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if server.poll() is not None or time.monotonic() > until:
                        raise SystemExit((folder / "error.log").read_text()) from None
                    time.sleep(0.02)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()
            server.wait()


def ours(url: str, connections: int, seconds: float, keep_alive: bool, client: str = "lean") -> Measured:
    from wizard.verify import load  # noqa: PLC0415 - only once the path leads to it

    done = asyncio.run(
        load.run(
            url,
            duration_s=seconds,
            connections=connections,
            keep_alive=keep_alive,
            client=client,  # type: ignore[arg-type]
            timeout_s=10,
            connect_timeout_s=10,
        )
    )
    if done.errors or set(done.by_vm) != {"vm1"}:
        raise SystemExit(f"not every request was answered: {dict(done.errors_by_kind)}")
    return Measured(done.rps, sum(done.by_vm.values()) / done.cpu_seconds)


def stock(url: str, connections: int, seconds: float, keep_alive: bool) -> Measured:
    return ours(url, connections, seconds, keep_alive, client="httpx")


def outside(command: list[str], answers: Callable[[str], int]) -> Measured:
    """Run another program and read how many answers it counted."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    try:
        count = answers(done.stdout)
    except (AttributeError, KeyError, ValueError):
        raise SystemExit(f"{command[0]}: {done.stdout}{done.stderr}") from None
    return Measured(count / took, count / cpu)


def hey(url: str, connections: int, seconds: float, keep_alive: bool) -> Measured:
    # GOMAXPROCS as the pinning leaves it; -t 10 is the time-out that ours has too.
    command = ["hey", "-z", f"{seconds:g}s", "-c", str(connections), "-t", "10"]
    command += [] if keep_alive else ["-disable-keepalive"]
    return outside([*command, url], lambda out: int(re.search(r"\[200\]\s+(\d+) responses", out)[1]))  # type: ignore[index]


def wrk(url: str, connections: int, seconds: float, keep_alive: bool) -> Measured:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
    command += [] if keep_alive else ["-H", "Connection: close"]
    return outside([*command, url], lambda out: int(re.search(r"(\d+) requests in", out)[1]))  # type: ignore[index]


def locust(url: str, connections: int, seconds: float, keep_alive: bool) -> Measured:
    script = LOCUST / "locustfile.py"
    header = "" if keep_alive else 'default_headers = {"Connection": "close"}'
    script.write_text(LOCUST_FILE.format(default_headers=header))
    command = [str(LOCUST / "bin" / "locust"), "-f", str(script), "--headless", "--json", "--loglevel", "ERROR"]
    command += [
        "-u",
        str(connections),
        "-r",
        str(connections),
        "-t",
        f"{max(1, round(seconds))}s",
        "-H",
        url.rstrip("/"),
    ]
    return outside(command, lambda out: int(json.loads(out)[0]["num_requests"]))


def available(with_locust: bool) -> tuple[dict[str, Run], list[str]]:
    """What can run here, and a line for each that cannot."""
    runs: dict[str, Run] = {"ours": ours}
    absent = []
    for name, run in (("hey", hey), ("wrk", wrk)):
        if shutil.which(name):
            runs[name] = run
        else:
            absent.append(f"{name} is absent: apt-get install {name}")
    if with_locust and not (LOCUST / "bin" / "locust").exists():
        venv.create(LOCUST, with_pip=True, clear=True)
        pip = [str(LOCUST / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "locust>=2.40,<3"], check=True)
    if (LOCUST / "bin" / "locust").exists():
        runs["Locust"] = locust
    else:
        absent.append("Locust is absent: give --with-locust to install it into a folder of its own")
    runs["httpx"] = stock
    return runs, absent


def measure(runs: dict[str, Run], seconds: float, connections: int) -> dict[bool, dict[str, list[Measured]]]:
    """Rounds of all generators in turn, keep-alive and new connections, until the time is used up; three at least."""
    found: dict[bool, dict[str, list[Measured]]] = {mode: {name: [] for name in runs} for mode in (True, False)}
    began = time.monotonic()
    rounds = 0
    slice_s = max(1.0, min(3.0, seconds / (2 * len(runs) * 5)))
    with nginx() as url:
        while rounds < 3 or (time.monotonic() - began) * (rounds + 1) / rounds < seconds:
            for keep_alive in (True, False):
                for name, run in runs.items():
                    found[keep_alive][name].append(run(url, connections, slice_s, keep_alive))
            rounds += 1
            sys.stderr.write(f"round {rounds}, {time.monotonic() - began:.0f} s\n")
    return found


def table(found: dict[str, list[Measured]], base: str) -> str:
    lines = [f"| generator | req/s | req/s per core | CPU us/req | x {base}, pair by pair | lowest, highest |"]
    lines.append("|---|---|---|---|---|---|")
    for name, all_of_it in sorted(found.items(), key=lambda item: -statistics.median(one.per_core for one in item[1])):
        rps = statistics.median(one.rps for one in all_of_it)
        per_core = statistics.median(one.per_core for one in all_of_it)
        ratios = [mine.per_core / other.per_core for mine, other in zip(all_of_it, found[base], strict=True)]
        lines.append(
            f"| {name} | {rps:,.0f} | {per_core:,.0f} | {1e6 / per_core:.1f} | {statistics.median(ratios):.2f} | "
            f"{min(ratios):.2f}, {max(ratios):.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for all of it, about (three rounds at least)")
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--only", default="", help="generators by name, with commas between")
    parser.add_argument("--with-locust", action="store_true", help="install Locust into a folder of its own first")
    chosen = parser.parse_args()
    if not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2:
        raise SystemExit("Linux and two cores are needed: server and generator must not share one.")
    if not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()):
        raise SystemExit("nginx is absent: apt-get install nginx-light")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    runs, absent = available(chosen.with_locust)
    if chosen.only:
        runs = {name: run for name, run in runs.items() if name.lower() in chosen.only.lower().split(",")}
    os.sched_setaffinity(0, {GENERATOR_CORE})  # the children inherit it; nginx moves its worker to its own core
    found = measure(runs, chosen.seconds, chosen.connections)
    base = "hey" if "hey" in runs else next(iter(runs))
    for keep_alive, title in ((True, "Keep-alive"), (False, "A new connection for each request")):
        print(f"\n{title}, {chosen.connections} connections, {len(found[keep_alive][base])} rounds\n")  # noqa: T201
        print(table(found[keep_alive], base))  # noqa: T201
    for line in absent:
        print(f"\n{line}")  # noqa: T201


if __name__ == "__main__":
    main()

"""What a machine is told at its first boot: real cloud-config, and a site that a real nginx serves."""

from __future__ import annotations

import base64
import email
import email.policy
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from tests.plan.strategies import ED25519, plans
from wizard import blueprint
from wizard.blueprint import userdata
from wizard.plan import limits
from wizard.plan.model import Balancer, Machines, Plan

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="there is no nginx here to serve the page with")


def plan_for(port: int = 80, path: str = "/") -> Plan:
    return Plan(machines=Machines(ssh_key=ED25519), balancer=Balancer(backend_port=port, probe_path=path))


def site(plan: Plan) -> str:
    *before, file = yaml.safe_load(userdata.page(plan))["write_files"]
    redhat = plan.machines.image == "rhel-9"
    assert file["path"] == ("/etc/nginx/conf.d/page.conf" if redhat else "/etc/nginx/sites-enabled/default")
    assert [each["content"] for each in before] == ([""] if redhat else [])
    return str(file["content"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=plans(most=1))
def test_it_is_cloud_config_of_the_modules_both_systems_have(plan: Plan) -> None:
    (vm,) = blueprint.build(plan, "s").of_type("Microsoft.Compute/virtualMachines")
    data = base64.b64decode(vm.body["properties"]["osProfile"]["customData"])
    assert len(data) <= limits.CUSTOM_DATA
    assert data.startswith(b"#cloud-config\n")
    tree: dict[str, Any] = yaml.safe_load(data)
    assert set(tree) == {"package_update", "packages", "write_files", "runcmd"}
    assert tree["packages"][0] == "nginx"
    assert tree["packages"][1:] in ([], ["policycoreutils-python-utils"])
    assert f"listen {plan.balancer.backend_port} default_server;" in site(plan)
    assert "@" not in site(plan).replace("@media", "")


@contextmanager
def serving(plan: Plan, folder: Path) -> Iterator[str]:
    """A real nginx with the site of `plan`, as long as the block lasts; gives its base URL."""
    assert NGINX
    (folder / "site.conf").write_text(site(plan))
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{}}\nhttp {{ access_log {folder}/access.log; {temporary} include {folder}/site.conf; }}\n"
    )
    command = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command)
    try:
        _wait(process, plan.balancer.backend_port, folder)
        yield f"http://127.0.0.1:{plan.balancer.backend_port}"
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, (folder / "error.log").read_text()
        time.sleep(0.02)
    raise AssertionError("nginx did not listen")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str) -> tuple[int, dict[str, str], str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read().decode()


@needs_nginx
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", "/"),
        ("/healthz", "/healthz"),
        ("/a/b.html?x=1", "/a/b.html?x=1"),
        ("//deep//er", "//deep//er"),
        ("/it's;(ok),$host", "/it's;(ok),$host"),
    ],
)
def test_a_real_nginx_serves_the_page_and_the_probe(path: str, asked: str, tmp_path: Path) -> None:
    name = socket.gethostname().lower()
    with serving(plan_for(free_port(), path), tmp_path) as url:
        status, headers, body = get(f"{url}/")
        assert (status, headers["X-Served-By"]) == (200, name)
        assert headers["Content-Type"].startswith("text/html")
        assert f"<h1>{name}</h1>" in body
        status, headers, _body = get(url + asked)
        assert (status, headers["X-Served-By"]) == (200, name)
        status, headers, _body = get(f"{url}/not/there")
        assert (status, headers["X-Served-By"]) == (404, name)


def test_a_file_of_the_users_own_travels_beside_our_page(tmp_path: Path) -> None:
    for content in ("#cloud-config\npackages: [jq]\n", "#cloud-config\nruncmd: [echo ü]\n", "#!/bin/sh\necho a\n"):
        own = tmp_path / "own"
        own.write_text(content, encoding="utf-8")
        plan = Plan(machines=Machines(ssh_key=ED25519, workload=str(own)))
        data = userdata.user_data(plan)
        assert data == userdata.user_data(plan)
        ours, theirs = email.message_from_string(data.decode(), policy=email.policy.default).iter_parts()
        assert ours.get_content_type() == "text/cloud-config"
        assert ours.get_content().rstrip() == userdata.page(plan).rstrip()
        assert theirs.get_content().rstrip() == content.rstrip()
        script = content.startswith("#!")
        assert theirs.get_content_type() == ("text/x-shellscript" if script else "text/cloud-config")
        assert (theirs["Merge-Type"] is None) is script


def test_no_workload_is_no_custom_data() -> None:
    plan = Plan(machines=Machines(ssh_key=ED25519, workload="none", count=1))
    (vm,) = blueprint.build(plan, "s").of_type("Microsoft.Compute/virtualMachines")
    assert "customData" not in vm.body["properties"]["osProfile"]

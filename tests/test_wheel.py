"""The wheel, built and installed into an environment of its own, works from there."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
import urllib.parse
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The `bin` folder of a fresh environment that holds the wheel; its dependencies are those the tests run with."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, timeout=120)
    (wheel,) = folder.glob("*.whl")
    environment: Path = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=120)
    # A path file adds the folder but does not run the path files inside it: the editable checkout stays out.
    (site,) = (environment / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return environment / "bin"


def run(installed: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(installed / "multivm-wizard"), *arguments]
    environment = {**os.environ, "MULTIVM_HOME": str(home)}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=home, env=environment, check=False)


def test_the_code_comes_from_the_wheel(installed):
    script = "import wizard, screens, assets; print(wizard.__file__); print(screens.__file__); print(assets.__file__)"
    done = subprocess.run([installed / "python", "-c", script], capture_output=True, text=True, check=True, cwd="/")
    assert all(str(installed.parent) in line for line in done.stdout.splitlines())


def test_a_plan_is_made_and_shown(installed, tmp_path):
    made = run(installed, tmp_path, "plan", "new", "-o", "plan.toml")
    assert made.returncode == 0, made.stderr
    shown = run(installed, tmp_path, "plan", "show", "plan.toml", "--json")
    assert shown.returncode == 0, shown.stderr
    types = [json.loads(line)["type"] for line in shown.stdout.splitlines()]
    assert types.count("Microsoft.Compute/virtualMachines") == 2


def test_the_sandbox_starts_and_stops(installed, tmp_path):
    started = run(installed, tmp_path, "sandbox", "start", "--json")
    try:
        assert started.returncode == 0, started.stderr
        facts = json.loads(started.stdout)
        assert facts["arm"].startswith("https://127.")
    finally:
        stopped = run(installed, tmp_path, "sandbox", "stop")
    assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(ConnectionRefusedError), socket.create_connection(address_of(facts["arm"]), timeout=5):
        pass
    assert run(installed, tmp_path, "sandbox", "status").returncode == 3


def address_of(url: str) -> tuple[str, int]:
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port

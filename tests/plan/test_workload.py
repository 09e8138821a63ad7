"""The user's own cloud-init file: what is taken, and what is refused without showing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plan.strategies import ED25519
from wizard.plan import files, limits, workload
from wizard.plan.model import Machines, OsType, Plan

LINUX = OsType.LINUX


def judged(tmp_path: Path, content: bytes) -> tuple[str, str]:
    """(severity, what) of the problem of a file, or two empty texts."""
    path = tmp_path / "own.yaml"
    path.write_bytes(content)
    problem = workload.check(str(path), LINUX)
    return (problem.severity, problem.what) if problem else ("", "")


@pytest.mark.parametrize(
    "content",
    [
        b"#cloud-config\n",
        b"#cloud-config\npackages: [jq]\nlock_passwd: true\nssh_pwauth: false\n",
        b"\xef\xbb\xbf#cloud-config\r\nruncmd:\r\n  - echo \xc3\xbc\r\n",
        b"#!/bin/sh\necho hello\n",
        b"#cloud-config\nruncmd:\n  - TOKEN=$(curl -s http://169.254.169.254/x)\n",
        b"#!/bin/sh\n" + b"#" * (limits.CUSTOM_DATA - 10),
    ],
)
def test_files_taken(tmp_path: Path, content: bytes) -> None:
    assert judged(tmp_path, content) == ("", "")


@pytest.mark.parametrize(
    ("content", "severity", "word"),
    [
        (b"packages: [jq]\n", "error", "neither"),
        (b"#cloud-config-archive\n[]\n", "error", "neither"),
        (b"#cloud-config\n- a\n", "error", "no keys"),
        (b"#cloud-config\na: [\n", "error", "line"),
        (b"#cloud-config\na: \xff\n", "error", "UTF-8"),
        (b"\x1f\x8b\x08\x00", "error", "UTF-8"),
        (b"#!/bin/sh\n" + b"#" * (limits.CUSTOM_DATA - 9), "error", "longer"),
        (b"#cloud-config\nusers:\n  - name: a\n    plain_text_passwd: S3cret-S3cret\n", "error", "line 4"),
        (b"#cloud-config\npassword: S3cret-S3cret\n", "error", "line 2"),
        (b"#cloud-config\nchpasswd:\n  list: |\n    root:S3cret-S3cret\n", "error", "chpasswd"),
        (b"#!/bin/sh\n# -----BEGIN OPENSSH PRIVATE KEY-----\n# S3cret-S3cret\n", "error", "private key"),
        (b"#!/bin/sh\nexport DB_PASSWORD=S3cret-S3cret\n", "warning", "line 2"),
    ],
)
def test_files_with_a_problem(tmp_path: Path, content: bytes, severity: str, word: str) -> None:
    found, what = judged(tmp_path, content)
    assert found == severity
    assert word in what
    assert "S3cret" not in what


def test_what_is_no_readable_file() -> None:
    for path in ("/no/such/file", "/", "pgae"):
        problem = workload.check(path, LINUX)
        assert problem is not None
        assert problem.severity == "error"
    assert workload.check("/no/such/file", OsType.WINDOWS) is not None
    nothing = workload.check("none", LINUX)
    assert nothing is not None
    assert nothing.severity == "warning"


def test_a_relative_path_counts_from_the_plans_folder(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("#cloud-config\n")
    plan = Plan(machines=Machines(ssh_key=ED25519, workload="own.yaml"))
    files.write(plan, tmp_path / "plan.toml")
    assert files.read(tmp_path / "plan.toml").machines.workload == str(tmp_path / "own.yaml")

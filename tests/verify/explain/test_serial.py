"""The decisive line of a serial log: lines as Ubuntu, Debian and Red Hat images print them."""

from __future__ import annotations

import pytest

from wizard.verify.explain import serial

BOOT = "[    0.000000] Linux version 6.14.0-1014-azure (buildd@lcy02) #1 SMP\n"
BEGAN = "[   21.43] cloud-init[842]: Cloud-init v. 25.1.4-0ubuntu0~24.04.1 running 'modules:config' at Mon\n"
ENDED = (
    "[   61.02] cloud-init[1012]: Cloud-init v. 25.1.4-0ubuntu0~24.04.1 finished at Mon, 23 Nov 2026. Up 61 seconds\n"
)
NO_WAY_OUT = (
    "cloud-init[842]: Err:1 http://azure.archive.ubuntu.com/ubuntu noble InRelease\n"
    "cloud-init[842]:   Could not connect to azure.archive.ubuntu.com:80 (20.106.104.242), connection timed out\n"
    "cloud-init[842]: E: Unable to locate package nginx\n"
    "cloud-init[842]: 2026-11-23 07:03:44,111 - cc_package_update_upgrade_install.py[ERROR]: 1 failed with exceptions\n"
    "[FAILED] Failed to start nginx.service - A high performance web server.\n"
)


def read(*parts: str) -> tuple[str, str] | None:
    found = serial.read("".join(parts))
    return (found.kind, found.line) if found is not None else None


def test_a_boot_without_trouble_tells_nothing() -> None:
    assert read(BOOT, BEGAN, "cloud-init[842]: Setting up nginx (1.24.0-2ubuntu7) ...\n", ENDED) is None
    assert read("") is None


def test_of_many_errors_the_one_that_brought_the_others_is_told() -> None:
    kind, line = read(BOOT, BEGAN, NO_WAY_OUT, ENDED) or ("", "")
    assert kind == "download"
    assert line.endswith("Could not connect to azure.archive.ubuntu.com:80 (20.106.104.242), connection timed out")


def test_a_download_that_was_made_good_is_no_cause() -> None:
    once = NO_WAY_OUT.splitlines(keepends=True)[1]
    assert read(BOOT, BEGAN, once, ENDED) is None
    assert (read(BOOT, BEGAN, once) or ("",))[0] == "download", "it may be what is being waited for"


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("cloud-init[842]: E: Unable to locate package ngnix", "package"),
        ("cloud-init[842]: Error: Unable to find a match: ngnix", "package"),
        ("[FAILED] Failed to start \x1b[0;1;39mnginx.service\x1b[0m - A high performance web server.", "service"),
        ('nginx[901]: nginx: [emerg] unknown directive "lisen" in /etc/nginx/sites-enabled/default:2', "service"),
        (
            "cloud-init[611]: 2026-11-23 07:03:44 - __init__.py[WARNING]: Unhandled non-multipart (text/x-not)",
            "user-data",
        ),
        ("cloud-init[611]: util.py[WARNING]: Failed at merging in cloud config part from part-001", "user-data"),
        ("cloud-init[842]: 2026-11-23 - cc_scripts_user.py[WARNING]: Failed to run module scripts_user", "script"),
        ("[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)", "kernel"),
        ("You are in emergency mode. After logging in, type journalctl -xb", "kernel"),
    ],
)
def test_wordings(line: str, kind: str) -> None:
    found = serial.read(f"{BOOT}{BEGAN}{line}\r\n{ENDED}")
    assert found is not None
    assert found.kind == kind
    assert "\x1b" not in found.line
    assert "\r" not in found.line


def test_a_service_that_failed_in_an_earlier_boot_runs_now() -> None:
    failed = "[FAILED] Failed to start nginx.service - A high performance web server.\n"
    assert (read(BOOT, failed, ENDED) or ("",))[0] == "service"
    assert read(BOOT, failed, BOOT, BEGAN, ENDED) is None


def test_cloud_init_that_has_not_ended() -> None:
    kind, line = read(BOOT, BEGAN, "cloud-init[842]: Unpacking nginx ...\n") or ("", "")
    assert (kind, line) == ("running", "cloud-init[842]: Unpacking nginx ...")


def test_a_long_line_is_cut() -> None:
    found = serial.read(f"nginx: [emerg] {'x' * 1000}\n")
    assert found is not None
    assert len(found.line) == serial.LONGEST_LINE

"""What a VM says of itself: the script in a real shell, answers as real machines print them, and the checks on them."""

from __future__ import annotations

import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from tests.verify.explain.documents import facts
from wizard.errors import WizardError
from wizard.verify import guests, inside
from wizard.verify.explain.facts import Document
from wizard.verify.guests import Accounts, Round
from wizard.verify.inside import Answer, Inside, Question

NEIGHBOUR = Question("web2", "10.0.1.5", 80)
UBUNTU = """\
== uptime
up 3 days, 2 hours, 1 minute
2026-11-20 05:02:44
== cloud-init
status: done
extended_status: degraded done
boot_status_code: enabled-by-generator
last_update: Mon, 23 Nov 2026 07:03:45 +0000
detail: DataSourceAzure [seed=/var/lib/waagent]
errors: []
recoverable_errors:
WARNING:
\t- Could not match supplied host pattern, ignoring: all
== service nginx
active
== ask 0
200 0
== end
"""
DEBIAN_12 = """\
== uptime
up 1 minute
2026-11-23 07:01:01
== cloud-init
status: error
boot_status_code: enabled-by-generator
last_update: Mon, 23 Nov 2026 07:03:45 +0000
detail:
DataSourceAzure [seed=/var/lib/waagent]
errors:
\t- ('package_update_upgrade_install', ProcessExecutionError("Exit code: 100"))
\t- ('scripts_user', RuntimeError('Runparts: 1 failures'))
== service nginx
inactive
== ask 0
000 28
== end
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204 if self.path == "/it's" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def page() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_script_in_a_real_shell(page: int, shell: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        questions = [
            Question("web1", "127.0.0.1", page, "/it's"),
            Question("web1", "127.0.0.1", page),
            Question("web2", "127.0.0.1", free.getsockname()[1]),  # bound, and nobody listens
        ]
        printed = subprocess.run(
            [shell, "-c", inside.script(["nginx; echo no"], questions)],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    account = inside.parse(printed, "SSH", questions)
    assert [account.answers[one] for one in questions] == [Answer(204, 0), Answer(404, 0), Answer(0, inside.REFUSED)]
    assert [account.answers[one].connected for one in questions] == [True, True, False]
    assert [account.answers[one].reached for one in questions] == [True, True, True], "who refuses has been reached"
    assert list(account.services) == ["nginx; echo no"], "a name is a name"


def test_ubuntu_and_debian() -> None:
    account = inside.parse(UBUNTU, "SSH", [NEIGHBOUR])
    assert (account.uptime, account.booted) == ("up 3 days, 2 hours, 1 minute", "2026-11-20 05:02:44")
    assert (account.cloud_init, account.cloud_init_errors, account.services) == ("done", (), {"nginx": "active"})
    account = inside.parse(DEBIAN_12, "Run Command", [NEIGHBOUR])
    assert (account.cloud_init, len(account.cloud_init_errors)) == ("error", 2)
    assert account.answers[NEIGHBOUR].dropped
    missing = "== uptime\n== cloud-init\nsh: 3: cloud-init: not found\n== ask 0\n 127\n== end\n"
    account = inside.parse(missing, "SSH", [NEIGHBOUR])
    assert (account.uptime, account.cloud_init, account.answers[NEIGHBOUR].connected) == ("", "", None)


def test_an_account_without_its_end_is_none() -> None:
    with pytest.raises(WizardError, match="not complete"):
        inside.parse(UBUNTU.replace("== end", ""), "SSH", [NEIGHBOUR])


def deny(port: str, direction: str = "Inbound") -> Document:
    properties = {"priority": 90, "direction": direction, "access": "Deny", "protocol": "*"}
    properties |= {"sourceAddressPrefix": "VirtualNetwork", "sourcePortRange": "*"}
    properties |= {"destinationAddressPrefix": "*", "destinationPortRange": port}
    return {"name": f"deny-{port}", "properties": properties}


def test_each_asks_the_next_that_runs() -> None:
    rounds = guests.plan_rounds(facts(4, stopped=("web2",)), "page")
    asked = {vm: one.neighbour.vm if one.neighbour else one.why_no_neighbour for vm, one in rounds.items()}
    assert asked == {"web1": "web3", "web2": "it is not running", "web3": "web4", "web4": "web1"}
    assert all(one.denied is None for one in rounds.values())
    assert [(one.port, one.vm) for one in rounds["web1"].own] == [(80, "web1"), (22, "web1")]
    assert guests.plan_rounds(facts(1), "page")["web1"].why_no_neighbour == "no other VM is running"
    neighbour = guests.plan_rounds(facts(2), "none")["web1"].neighbour
    assert neighbour is not None
    assert neighbour.port == 22, "nothing serves a page"


@pytest.mark.parametrize("direction", ["Inbound", "Outbound"])
def test_what_a_rule_denies_between_them_must_not_be_reached(direction: str) -> None:
    known = facts(2, (deny("80", direction),))
    rounds = guests.plan_rounds(known, "page")
    one = rounds["web1"]
    assert one.neighbour is not None
    assert one.denied is not None
    assert (one.neighbour.port, one.denied.port) == (22, 80)
    for answer, state in (
        (Answer(0, inside.TIMED_OUT), "passed"),
        (Answer(200, 0), "failed"),
        (Answer(0, inside.REFUSED), "failed"),
        (Answer(0, inside.NO_CURL), "skipped"),
    ):
        account = Inside("SSH", answers={one.denied: answer})
        checks = guests.judge(known, Accounts({"web1": account}, {}, rounds), "page")
        assert next(check.state for check in checks if check.name == "vm.denied") == state


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Answer(200, 0), "passed", "answers 200"),
        (Answer(0, inside.REFUSED), "passed", "nothing listens there, but the network lets it through"),
        (Answer(0, inside.TIMED_OUT), "failed", "does not answer"),
        (Answer(0, inside.NO_CURL), "skipped", "no curl"),
    ],
)
def test_a_neighbour_that_refuses_was_reached(answer: Answer, state: str, words: str) -> None:
    rounds = {"web1": Round(neighbour=NEIGHBOUR)}
    accounts = Accounts({"web1": Inside("SSH", answers={NEIGHBOUR: answer})}, {}, rounds)
    (check,) = [one for one in guests.judge(facts(1), accounts, "page") if one.name == "vm.neighbour"]
    assert check.state == state
    assert words in check.detail


@pytest.mark.parametrize(
    ("account", "states"),
    [
        (inside.parse(UBUNTU, "SSH", [NEIGHBOUR]), ["passed", "passed", "passed", "passed"]),
        (inside.parse(DEBIAN_12, "SSH", [NEIGHBOUR]), ["passed", "failed", "failed", "failed"]),
        (Inside("SSH"), ["warned", "skipped", "failed", "skipped"]),
        (None, ["failed", "skipped", "skipped", "skipped"]),
    ],
)
def test_the_checks(account: Inside | None, states: list[str]) -> None:
    rounds = {"web1": Round(neighbour=NEIGHBOUR)}
    told = {"web1": account} if account is not None else {}
    checks = list(guests.judge(facts(1), Accounts(told, {}, rounds), "page"))
    assert [check.name for check in checks[:4]] == ["vm.uptime", "vm.cloud_init", "vm.service", "vm.neighbour"]
    assert [check.state for check in checks[:4]] == states

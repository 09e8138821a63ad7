"""The interpreter: where bash itself is at hand, it decides what a script should have printed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.sandbox.fabric.azure_documents import vm_id
from tests.sandbox.fabric.conftest import run
from wizard import ids
from wizard.sandbox.fabric.fabric import GuestSpec
from wizard.sandbox.fabric.guest import Guest
from wizard.sandbox.fabric.machine import Machine
from wizard.sandbox.fabric.network import Network
from wizard.sandbox.fabric.shell.interpreter import Shell
from wizard.sandbox.fabric.shell.session import Budget
from wizard.sandbox.fabric.shell.streams import Capture, TextInput
from wizard.sandbox.store import Store


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    store = Store(tmp_path / "state.sqlite")
    spec = GuestSpec("Linux", "web1", "azureuser", "Correct-horse-7", True, (), b"", "Canonical:ubuntu:server:latest")
    guest = Guest.create(store, ids.key(vm_id("web1")), spec)
    yield Machine(guest, Network({}), 1000, lambda: None)
    guest.settle()
    store.close()


async def sh(machine: Machine, script: str, user: str = "root", stdin: str = "", **more: Any) -> Any:
    out, error = Capture(), Capture()
    code = await Shell(machine, user, **more).script(script, TextInput(stdin), out, error)
    return SimpleNamespace(code=code, out=out.text, err=error.text)


SCRIPTS = [
    "echo hello world; echo 'single $x' \"double $HOME_X\" a\\ b",
    "false && echo no || echo yes; true && echo a && false || echo b; ! false; echo $?",
    "x=1; y=$x$x; echo ${y} ${#y} ${z:-default} ${z-unset} ${y:+set}; echo $((x + 2 * 3)) $(( (4-1) % 2 ))",
    "x=archive.tar.gz; echo ${x%.*} ${x%%.*} ${x#*.} ${x##*.} ${x/tar/zip} ${x:0:4}",
    "for i in 1 2 3; do if [ $i -eq 2 ]; then continue; fi; echo $i; done; for i in a b; do echo $i; break; done",
    "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done; until [ $i = 0 ]; do i=$((i-1)); done; echo $i",
    "case web12 in db*) echo db;; web[0-9]*|x) echo web;; *) echo other;; esac",
    "f() { echo f $1 $#; return 4; }; f one two; echo $?; (exit 3); echo $?; { echo group; } | cat",
    'printf "%s-%03d|%5s|%-5s|%%\\n" a 7 b c; printf "%s\\n" x y z; echo -e "tab\\tend"; echo -n no; echo',
    "printf 'b\\na\\nc\\na\\n' | sort | uniq -c | tr -s ' ' | sort -rn; printf 'a:b:c\\nd:e:f\\n' | cut -d: -f1,3",
    "seq 5 | head -2; seq 5 | tail -n 2; seq 5 | tail -n +4; seq 20 | grep 1 | wc -l; echo abc | tr a-c A-C",
    "printf 'one two\\nthree\\n' | while read a b; do echo \"[$a][$b]\"; done",
    "cat <<EOF\nvalue $((1+1)) `echo sub`\nEOF\ncat <<'EOF'\nraw $x\nEOF",
    "echo out; echo err >&2; { echo a; echo b >&2; } 2>/dev/null; echo c 2>&1 | cat; nosuchthing 2>/dev/null; echo $?",
    "set -- a 'b c' d; echo $#; for w in \"$@\"; do echo \"<$w>\"; done; shift; echo $1; echo \"$*\"",
    "test -z '' && test 3 -gt 2 && [ a != b ] && [ ! -e /nonexistent ] && [ -d / ] && echo all",
    "echo {1..3} x{a,b}y; echo '*'; echo \"$(echo a; echo b)\"; echo $(echo a; echo b)",
    "x=$(false); echo $?; x=$(echo hi) && echo $x; if ! x=$(exit 9); then echo failed $?; fi",
    "echo 'key = old' | sed 's/old/new/; s/ = /=/'; printf 'a\\nb\\nc\\n' | sed -n 2p; printf 'a\\nb\\n' | sed /a/d",
    "echo 'a b c' | awk '{print $2, $NF}'; basename /etc/ssh/x.pub .pub; dirname /etc/ssh/x; echo -n abc | base64",
    "bash -c 'echo $0 $1' name arg; sh -c 'exit 5'; echo $?; eval 'echo evaluated'; env A=b sh -c 'echo $A'",
    "set -e; false || true; if false; then :; fi; echo alive; false; echo never",
    "echo one; exit 3; echo two",
    "echo 'unterminated",
    "if true; then",
    "echo a | grep -q a && echo found; printf 'X=1\\nY=2\\n' | grep -v '^X' ; echo abc | grep -o 'b.'",
    "v=5; ((v)) 2>/dev/null; [ 1 -eq 1 -a 2 -eq 2 ] && [[ abc == abc ]] && echo both; echo ~nosuchuser",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is what it is compared with")
@pytest.mark.parametrize("script", SCRIPTS)
async def test_a_script_prints_what_it_prints_in_bash(machine: Machine, script: str) -> None:
    real = await run("env", "-i", "PATH=/usr/bin:/bin", "bash", "-c", script)
    if "((v))" in script:
        script = script.replace("((v)) 2>/dev/null; ", "")
    ours = await sh(machine, script)
    assert (ours.out, ours.code) == (real.out, real.code)


async def test_files_live_on_the_machine_alone(machine: Machine, tmp_path: Path) -> None:
    made = await sh(machine, f"mkdir -p {tmp_path}/x && echo secret > {tmp_path}/x/file && cat {tmp_path}/x/*")
    assert made.out == "secret\n"
    assert not (tmp_path / "x").exists()
    assert (await sh(machine, f"cat {Path(__file__)}")).err == f"cat: {Path(__file__)}: No such file or directory\n"


async def test_the_hosts_programs_are_not_there(machine: Machine) -> None:
    for program in ("python3 -c 1", "perl -e 1", "/usr/bin/perl", "git"):
        ran = await sh(machine, program)
        assert ran.code in (126, 127), program
    assert (await sh(machine, "foo bar")).err == "bash: line 1: foo: command not found\n"


async def test_files_and_permissions(machine: Machine) -> None:
    script = "cd /tmp; echo 1 > a; echo 2 >> a; cp a b; ln -s a l; mv b c; chmod 600 c; ls; cat l; stat -c '%a %U' c"
    assert (await sh(machine, script)).out == "a\nc\nl\n1\n2\n600 root\n"
    denied = await sh(machine, "cat /etc/shadow; echo x > /etc/motd; cat < /etc/shadow", user="azureuser")
    assert denied.err.count("Permission denied") == 3
    assert (await sh(machine, "sudo cat /etc/shadow | grep -c azureuser", user="azureuser")).out == "1\n"
    assert (await sh(machine, "cd; pwd; echo x > f; ls -l f | cut -c1-10", user="azureuser")).out == (
        "/home/azureuser\n-rw-r--r--\n"
    )


async def test_sudo_is_for_sudoers(machine: Machine) -> None:
    assert (await sh(machine, "whoami; sudo whoami; sudo -u www-data id -un", user="azureuser")).out == (
        "azureuser\nroot\nwww-data\n"
    )
    await sh(machine, "useradd -m plain")
    refused = await sh(machine, "sudo -n whoami", user="plain")
    assert (refused.code, refused.out) == (1, "")


async def test_accounts_change_for_real(machine: Machine) -> None:
    await sh(
        machine, "useradd -m -s /bin/bash deploy && echo deploy:An0ther-pass | chpasswd && usermod -aG sudo deploy"
    )
    accounts = machine.guest.accounts
    assert await accounts.password_opens("deploy", "An0ther-pass")
    assert not await accounts.password_opens("deploy", "wrong")
    assert (await sh(machine, "id deploy")).out == "uid=1001(deploy) gid=1001(deploy) groups=1001(deploy),27(sudo)\n"
    assert (await sh(machine, "getent passwd deploy")).out == "deploy:x:1001:1001::/home/deploy:/bin/bash\n"
    await sh(machine, "passwd -l deploy")
    assert not await accounts.password_opens("deploy", "An0ther-pass")
    assert (await sh(machine, "userdel -r deploy; id deploy")).code == 1
    assert "An0ther-pass" not in str(machine.guest.record)


async def test_what_sshd_was_told(machine: Machine) -> None:
    ask = "sshd -T | grep -i '^passwordauthentication'"
    assert (await sh(machine, ask)).out == "passwordauthentication yes\n"
    edit = "sed -i 's/yes/no/' /etc/ssh/sshd_config.d/50-cloud-init.conf"
    assert (await sh(machine, f"{edit}; {ask}")).out == "passwordauthentication no\n"


@pytest.mark.parametrize(
    "script",
    ["while true; do :; done", "f() { f; }; f", "x=aaaaaaaaaa; while :; do x=$x$x; done", "while :; do echo x; done",
     "for i in $(seq 1000); do for j in $(seq 1000); do :; done; done"],
)  # fmt: skip
async def test_a_script_without_end_is_killed(machine: Machine, script: str) -> None:
    began = time.monotonic()
    ran = await sh(machine, script, budget=Budget(steps=20_000, text=1_000_000))
    assert ran.code in (137, 1)
    assert time.monotonic() - began < 5


async def test_deep_nesting_is_refused_not_fatal(machine: Machine) -> None:
    for script in ("(" * 5000, "$(" * 3000, "{ " * 3000, "echo $((" + "(" * 3000, "if " * 2000, "a=${a:-" * 3000):
        assert (await sh(machine, script)).code != 0

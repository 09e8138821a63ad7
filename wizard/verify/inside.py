"""What a machine says of itself and sees around it: one script, over SSH where there is a login, else by Run Command.

All questions of one machine travel in one script: Run Command takes half a minute a time in Azure, and one at a time.
The script changes nothing, needs no root, and uses what Ubuntu's and Debian's images have (curl, systemd, procps).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from wizard.errors import WizardError
from wizard.verify import hostkeys, ssh
from wizard.verify.machines import Machine

if TYPE_CHECKING:
    from wizard.azure.clients import Azure
    from wizard.verify.logins import Credentials

ASK_S = 3
"""Seconds for one question to an address. All of them together must end before `ssh.COMMAND_S`."""
MOST_QUESTIONS = 5

REFUSED, TIMED_OUT, NO_CURL = 7, 28, 127
"""curl's exit status for a refused connection and for a time-out (`man curl`), and the shell's for no such command."""


@dataclass(frozen=True)
class Question:
    """An address, port and path that a machine is to ask over HTTP. `vm` is who has the address."""

    vm: str
    address: str
    port: int
    path: str = "/"


@dataclass(frozen=True)
class Answer:
    """What it got: the HTTP status (0: none), and curl's exit status."""

    status: int
    exit: int

    @property
    def connected(self) -> bool | None:
        """Whether a TCP connection came about; None when the machine could not ask."""
        if self.exit == NO_CURL:
            return None
        return self.exit not in {REFUSED, TIMED_OUT, 5, 6}

    @property
    def reached(self) -> bool | None:
        """Whether the packets came through: also where the other machine refuses, since somebody there answered.

        A port nobody listens at, or a guest's own firewall that rejects, answers at once; a network security group
        never answers (Microsoft, "Network security groups": what is denied is dropped). None: it could not ask.
        """
        return None if self.exit == NO_CURL else self.exit not in {TIMED_OUT, 5, 6}

    @property
    def dropped(self) -> bool:
        """Whether there was no answer at all, as a network security group leaves it."""
        return self.exit == TIMED_OUT

    def __str__(self) -> str:
        if self.status:
            return f"answers {self.status}"
        words = {REFUSED: "refuses the connection", TIMED_OUT: f"does not answer within {ASK_S} s"}
        return words.get(self.exit, f"answers without HTTP (curl's exit status {self.exit})")


@dataclass(frozen=True)
class Inside:
    """One machine's own account. Texts are "" where it did not tell."""

    by: Literal["SSH", "Run Command"]
    uptime: str = ""
    booted: str = ""
    cloud_init: str = ""
    cloud_init_errors: tuple[str, ...] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[Question, Answer] = field(default_factory=dict)


def script(services: Sequence[str], questions: Sequence[Question], most: int = MOST_QUESTIONS) -> str:
    """The shell script. Names and addresses come from ARM and the plan; they are quoted all the same."""
    import shlex

    lines = [
        "export LC_ALL=C",
        "echo '== uptime'; uptime -p; uptime -s",
        "echo '== cloud-init'; cloud-init status --long 2>&1 | head -n 30",
    ]
    lines += [f"echo {shlex.quote(f'== service {name}')}; systemctl is-active {shlex.quote(name)}" for name in services]
    for number, asked in enumerate(questions[:most]):
        url = shlex.quote(f"http://{asked.address}:{asked.port}{asked.path}")
        lines.append(
            f"echo '== ask {number}'; curl -s -o /dev/null -w '%{{http_code}}' -m {ASK_S} --noproxy '*' {url}; "
            'echo " $?"'
        )
    return "\n".join([*lines, "echo '== end'"])


def parse(
    output: str, by: Literal["SSH", "Run Command"], questions: Sequence[Question], most: int = MOST_QUESTIONS
) -> Inside:
    """Read the script's output. Raises WizardError when its end is missing."""
    sections: dict[str, list[str]] = {}
    title = ""
    for line in output.splitlines():
        if line.startswith("== "):
            title = line[3:].strip()
            sections[title] = []
        elif title:
            sections[title].append(line.rstrip())
    if "end" not in sections:
        raise WizardError("The machine's account of itself is not complete.", f"It came by {by}.", "")
    uptime = [line for line in sections.get("uptime", ()) if line.strip()]
    state, errors = _cloud_init(sections.get("cloud-init", ()))
    return Inside(
        by=by,
        uptime=uptime[0] if uptime else "",
        booted=uptime[1] if len(uptime) > 1 else "",
        cloud_init=state,
        cloud_init_errors=errors,
        services={
            name.removeprefix("service "): lines[0] if lines else ""
            for name, lines in sections.items()
            if name.startswith("service ")
        },
        answers={
            asked: answer
            for number, asked in enumerate(questions[:most])
            if (answer := _answer(sections.get(f"ask {number}", ()))) is not None
        },
    )


def _cloud_init(lines: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """The state and the errors of `cloud-init status --long`: releases 22 (Debian 12) to 25 (Ubuntu 24.04)."""
    state, errors, within = "", [], False
    for line in lines:
        if found := re.match(r"status: (\S+)", line):
            state = found[1]
        elif line.startswith("errors:"):
            within = True
        elif within and (found := re.match(r"\s+- (.+)", line)):
            errors.append(found[1])
        elif not line.startswith((" ", "\t")):
            within = False
    return state, tuple(errors)


def _answer(lines: Sequence[str]) -> Answer | None:
    found = re.search(r"(\d{3})? (\d+)$", "\n".join(lines).strip("\n"))
    return Answer(int(found[1] or 0), int(found[2])) if found else None


async def look(
    azure: Azure,
    machine: Machine,
    services: Sequence[str],
    questions: Sequence[Question],
    *,
    door: tuple[str, int] | None = None,
    keys: hostkeys.HostKeys | None = None,
    credentials: Credentials | None = None,
    windows: bool = False,
    most: int = MOST_QUESTIONS,
) -> Inside:
    """Ask one machine. With `door`, `keys` and `credentials` over SSH, else (or when that fails) by Run Command.

    Raises AzureError when Run Command does, WizardError when the answer is not complete.
    """
    if windows:
        from wizard.verify import inside_windows

        own = inside_windows.script(services, questions, most)
        message = await hostkeys.run_script(azure, machine.id, (own,), hostkeys.POWERSHELL)
        return parse(_stdout(message), "Run Command", questions, most)
    text = script(services, questions, most)
    if door is not None and keys is not None and credentials is not None:
        said = await _over_ssh(machine, door, keys, credentials, text)
        if said is not None:
            return parse(said, "SSH", questions, most)
    message = await hostkeys.run_script(azure, machine.id, (text,))
    return parse(_stdout(message), "Run Command", questions, most)


def _stdout(message: str) -> str:
    return message.partition("[stdout]")[2].partition("[stderr]")[0] or message


async def _over_ssh(
    machine: Machine, door: tuple[str, int], keys: hostkeys.HostKeys, credentials: Credentials, text: str
) -> str | None:
    """The output, or None when there is no login."""
    users, credential = credentials.at(machine.name)
    if credential is None:
        return None
    try:
        found = await hostkeys.identify(keys, machine.id, *door)
    except WizardError:
        return None
    for user in users if found.pinned else ():
        result = await ssh.login(*door, user, credential, pinned=found.pinned, command=text)
        if result.ok:
            return result.output
        if result.outcome != "refused":
            break
    return None

"""What a Windows machine says of itself and sees around it: one script of PowerShell, by Run Command.

As `inside` does on Linux: all questions of one machine in one script that changes nothing, in the same form of answer.
curl.exe is on every image since Windows Server 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

from wizard.verify.inside import ASK_S, MOST_QUESTIONS, Question


def script(services: Sequence[str], questions: Sequence[Question], most: int = MOST_QUESTIONS) -> str:
    """The script. Names and addresses come from ARM and the plan; they are quoted all the same."""
    lines = [
        "'== uptime'",
        "$boot = (Get-CimInstance -ClassName Win32_OperatingSystem).LastBootUpTime",
        "'up since ' + $boot.ToUniversalTime().ToString('u')",
    ]
    for name in services:
        lines += [
            quoted(f"== service {name}"),
            f"$service = Get-Service -Name {quoted(name)} -ErrorAction SilentlyContinue",
            "if ($service.Status -eq 'Running') { 'active' } elseif ($service) { 'stopped' } else { 'missing' }",
        ]
    for number, asked in enumerate(questions[:most]):
        url = quoted(f"http://{asked.address}:{asked.port}{asked.path}")
        lines += [
            quoted(f"== ask {number}"),
            f"$status = curl.exe -s -o NUL -w '%{{http_code}}' -m {ASK_S} --noproxy '*' {url}",
            '"$status $LASTEXITCODE"',
        ]
    return "\n".join([*lines, "'== end'"])


def quoted(text: str) -> str:
    """A PowerShell string that holds nothing but its text."""
    return "'" + text.replace("'", "''") + "'"

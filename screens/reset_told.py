"""What the reset screen says of each VM: how it was made, whether that was changed since, and the proof. No widgets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from textual.content import Content

from screens.live import Event, told
from screens.step import plural
from screens.widgets.machines import Machine
from screens.widgets.signs import sign

WITH = {"password": "password", "ssh-key": "SSH key"}
_MODES = {
    "--mode password": "reset the password",
    "--mode configuration": "reset the configuration",
    "--mode remove-user": "remove a user",
    "--mode ssh-key": "add an SSH key",
}


def machines(credentials: Mapping[str, Mapping[str, Any]]) -> list[Machine]:
    """The checklist from what the record says; VMs with their first password are chosen already."""
    found = []
    for vm in sorted(credentials, key=lambda name: (len(name), name)):
        entry = credentials[vm]
        password = entry.get("created_with") == "password"
        changed = entry.get("changed_at")
        fact = f"created with {WITH.get(str(entry.get('created_with')), 'SSH key')}, "
        if changed:
            fact += f"changed {str(changed)[:16].replace('T', ' ')} ({entry.get('user')})"
        else:
            fact += "never changed"
        urgent = password and not changed
        found.append(Machine(vm, fact, urgent, chosen=urgent))
    return found


def proof(event: Event) -> str:
    """`new works · old refused`, and what else gets in."""
    mode = event.get("mode")
    if mode == "remove-user":
        gone = "gone" if event["state"] != "failed" else "not removed"
        parts = [f"{event['user']} {gone}"]
        if event["old_login_refused"]:
            parts[0] += ", refused"
        if event["new_login"]:
            parts.append("who stays gets in")
    elif mode == "configuration":
        parts = ["the login works" if event["new_login"] else "no login was proved"]
    else:
        parts = ["new works" if event["new_login"] else "new does not work"]
        if event["old_login_refused"] is not None:
            parts.append("old refused" if event["old_login_refused"] else "old not proved refused")
    if (others := event.get("other_logins")) and mode != "remove-user":
        parts.append(f"still lets in {', '.join(others)}")
    if event["state"] == "failed" and event.get("detail"):
        parts.append(plain(str(event["detail"])))
    return " · ".join(parts)


def plain(text: str) -> str:
    """Words of the engine without the options of its commands, which a form has not."""
    text = re.sub(r" ?\(--[a-z-]+( [\w-]+)?\)", "", text).replace("add --force", "remove anyway")
    text = re.sub(r"--mode remove-user --user ([\w-]+)", r"remove \1", text)
    for option, words in _MODES.items():
        text = text.replace(option, words)
    return text


def about(machine: Machine, result: Event | None) -> Content:
    """All that is known of one VM's credential, and of its reset."""
    lines = [Content.styled(machine.fact, "$text-muted")]
    if result is not None:
        shown = sign(str(result["state"]))
        lines.append(Content.styled(str(shown), shown.style))
        lines.append(Content(plain(str(result.get("detail") or proof(result)))))
        if others := result.get("other_logins"):
            lines.append(Content(f"Still lets in: {', '.join(others)}"))
        if remedy := plain(str(result.get("remedy") or "")):
            lines.append(Content.assemble(("→ ", "$primary"), remedy))
    return Content("\n").join(lines)


def summary(results: Sequence[Event]) -> Content | str:
    """The worst of it with its remedy, or that all is proved."""
    failed = [result for result in results if result["state"] == "failed"]
    unproved = [result for result in results if result["state"] == "unproved"]
    if failed:
        first = failed[0]
        words = plain(str(first.get("detail") or "the reset failed"))
        return told(f"{first['vm']}: {words}", "", plain(str(first.get("remedy") or "")))
    if unproved:
        first = unproved[0]
        words = f"{plural(len(unproved), 'VM')} not proved: {plain(str(first.get('detail') or ''))}"
        return told(words, "", plain(str(first.get("remedy") or "")), sign="!", tone="warn")
    if not results:
        return ""
    by_mode = {"remove-user": f"{results[0]['user']} is gone", "configuration": "the login works"}
    word = by_mode.get(str(results[0].get("mode")), "new works")
    return told(f"{plural(len(results), 'VM')}: {word}, proved.", sign="✓", tone="good")

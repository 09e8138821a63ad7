"""The last words after a bug: a file for a report, without locals and without what was typed, and how to go on.

Textual's own traceback shows local variables, among them passwords; this one names files, lines and functions of the
program's own sources and the kinds of the exceptions. An exception's message may quote what somebody typed, so it is
left out, except a WizardError's, which is written for people and never holds a secret.
"""

from __future__ import annotations

import platform
import traceback
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from wizard.errors import WizardError

ISSUES = "Please send it with a word on what you did."


def write(error: BaseException, screen: str, secrets: Iterable[str] = ()) -> Path | None:
    """Write the crash file (HOME/crashes, 0600) and return its path; None when it cannot be written."""
    from wizard.home import home, write_atomically

    now = datetime.now(UTC)
    path = home() / "crashes" / f"{now:%Y%m%dT%H%M%S}Z.txt"
    try:
        write_atomically(path, redacted(report(error, screen, now), secrets))
    except OSError:
        return None
    return path


def report(error: BaseException, screen: str, now: datetime) -> str:
    """The file's text."""
    from wizard.release import version

    lines = [
        f"multivm-wizard {version()} stopped by a bug at {now:%Y-%m-%d %H:%M:%S} UTC",
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}, screen {screen or 'none'}",
        "Local variables and messages of exceptions are left out: they may hold what was typed.",
        "",
        *_told(error),
    ]
    return "\n".join(lines) + "\n"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without any of these secrets, should one stand in it against all care."""
    for secret in secrets:
        if len(secret) >= 4:  # shorter ones are part of ordinary words
            text = text.replace(secret, "[secret]")
    return text


def last_words(path: Path | None, secrets_lost: bool) -> str:
    """What stands on the terminal afterwards."""
    lines = ["The wizard stopped: a bug in it, not something you did."]
    if path is not None:
        lines += [f"Crash file (no answers, no secrets): {path}", ISSUES]
    lines += [
        "Nothing that was under way in Azure ended by this. Go on:",
        "  multivm-wizard            your last answers are offered" + ("; type secrets again" if secrets_lost else ""),
        "  multivm-wizard status     what is there of the last deployment",
    ]
    return "\n".join(lines)


def _told(error: BaseException) -> Iterator[str]:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        inner = getattr(link, "error", None)  # what made a worker fail is no cause of Textual's error
        if isinstance(inner, BaseException):
            link = inner
            continue
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    for each in reversed(chain):
        for frame in traceback.extract_tb(each.__traceback__):
            yield f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}"
        yield f"{type(each).__module__}.{type(each).__qualname__}" + (
            f": {each}" if isinstance(each, WizardError) else ""
        )
        yield ""


def _place(filename: str) -> str:
    """A source file from its package on: where a home folder lies is nobody's business."""
    parts = Path(filename).parts
    for mark in ("site-packages", "screens", "wizard"):
        if mark in parts:
            at = len(parts) - 1 - parts[::-1].index(mark)
            return "/".join(parts[at + (mark == "site-packages") :])
    return parts[-1] if parts else filename

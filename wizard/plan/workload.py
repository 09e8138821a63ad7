"""What the machines serve: our page, nothing, or what a cloud-init file of the user's own says beside our page.

The file is read when a plan is judged and when its blueprint is built; a relative path counts from the plan's folder.
What is in it reaches the machine as custom data, which everybody who may read the machine's metadata can read too.

Sources: cloud-init, "User-data formats"; Microsoft, "Custom data and cloud-init on Azure virtual machines".
"""

from __future__ import annotations

import re
from pathlib import Path

from wizard.errors import Problem, Severity
from wizard.plan import limits
from wizard.plan.model import OsType

FIELD = "machines.workload"
PAGE, NONE = "page", "none"

_SECRETS = (
    ("a private key", re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")),
    ("a password", re.compile(r"(?i)^[\s-]*(plain_text_passwd|hashed_passwd|passwd|password)\s*:\s*\S")),
    ("an access key", re.compile(r"(?i)\b(AccountKey|SharedAccessKey|SharedAccessSignature)\s*=\s*\S")),
    ("the signature of a shared link", re.compile(r"[?&]sig=[A-Za-z0-9%+/]{20,}")),
    ("a token", re.compile(r"\b(gh[pousr]_[A-Za-z0-9]{30,}|AKIA[0-9A-Z]{16}|xox[abp]-[A-Za-z0-9-]{10,})\b")),
)
_PERHAPS = re.compile(r"(?i)\b\w*(password|passwd|secret|token|api_?key)['\"]?\s*[=:]\s*['\"]?[^\s'\"$<{%]{6,}")
"""What a secret looks like; a line that matches is named by its number, never quoted."""


def is_file(text: str) -> bool:
    """Whether the key names a file rather than one of its words."""
    return text not in (PAGE, NONE)


def named(text: str) -> bool:
    """Whether our page answers, which names its machine: alone, or beside what the user's file brings."""
    return text == PAGE


def read(path: str) -> str:
    """The user's file. Raises OSError, and UnicodeDecodeError where it is no text."""
    with Path(path).expanduser().open("rb") as file:
        data = file.read(limits.CUSTOM_DATA + 1)  # what is longer is refused whatever follows
    return data.decode("utf-8-sig").replace("\r\n", "\n")


def resolve(text: str, folder: Path) -> str:
    """The path as it stands in a plan file of `folder`: absolute, whatever the working directory will be."""
    if not text or not is_file(text):
        return text
    return str((folder / Path(text).expanduser()).absolute())


def check(text: str, os: OsType | None) -> Problem | None:
    """page, none, or a readable cloud-init file without secrets that is short enough. `None`: the system is not known.

    Errors for what could not work, a warning for no workload.
    """
    if text == PAGE:
        return None
    if text == NONE:
        return Problem(
            FIELD,
            "Nothing will answer on the machines.",
            "Without a workload the health probe never holds: the balancer sends nobody anywhere, and verification can"
            " prove the sign-ins and the network, not a page.",
            f"Install a workload later, or write {PAGE} or the path of a cloud-init file.",
            "warning",
        )
    if not text:
        return Problem(FIELD, "There is no workload.", "The key says what the machines serve.", f'Write "{PAGE}".')
    if os is OsType.WINDOWS:
        return Problem(
            FIELD,
            "A Windows machine runs no cloud-init file.",
            "Windows images on Azure have no cloud-init.",
            f'Write "{PAGE}" or "{NONE}", or use a Linux image.',
        )
    try:
        content = read(text)
    except UnicodeDecodeError:
        return _refused(text, "is not a text in UTF-8", "cloud-init files are texts.", "Save it as UTF-8, unpacked.")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        return _refused(
            text,
            "cannot be read",
            f"{reason}. A relative path counts from the plan's folder.",
            f'Correct the path, or write "{PAGE}" or "{NONE}".',
        )
    return _content(text, content)


def _content(path: str, content: str) -> Problem | None:
    if len(content.encode()) > limits.CUSTOM_DATA:
        return _refused(
            path,
            f"is longer than {limits.CUSTOM_DATA} bytes",
            "Azure takes no more custom data than that, ours included.",
            "Let it fetch what is large from the network.",
        )
    doubt = None
    for number, line in enumerate(content.splitlines(), start=1):
        if what := next((what for what, pattern in _SECRETS if pattern.search(line)), ""):
            return _secret(path, f"holds {what} in line {number}")
        if doubt is None and _PERHAPS.search(line):
            doubt = _secret(path, f"may hold a secret in line {number}", "warning")
    if content.startswith("#!"):
        return doubt
    if not re.match(r"#cloud-config\s*$", content.partition("\n")[0]):
        return _refused(
            path,
            "is neither cloud-config nor a script",
            "cloud-init tells what a file is by its first line.",
            "Begin it with #cloud-config, or with #! and an interpreter.",
        )
    return _yaml(path, content) or doubt


def _secret(path: str, what: str, severity: Severity = "error") -> Problem:
    return Problem(
        FIELD,
        f"{path} {what}.",
        "Custom data is no place for secrets: processes on the machine can read it long after the first boot.",
        "Take it out; let the machine fetch it from a key vault with an identity of its own.",
        severity,
    )


def _yaml(path: str, content: str) -> Problem | None:
    import yaml

    try:
        found = yaml.safe_load(content)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        return _refused(
            path,
            f"is not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}{where}",
            "cloud-init would ignore it.",
            "Correct this place; cloud-init schema -c FILE checks it.",
        )
    if isinstance(found, dict) and isinstance(found.get("chpasswd"), dict) and found["chpasswd"].get("list"):
        return _secret(path, "holds passwords under chpasswd")
    if found is None or isinstance(found, dict):
        return None
    return _refused(path, "holds no keys", "cloud-config is a table of keys.", "Write it as KEY: VALUE lines.")


def _refused(path: str, what: str, why: str, remedy: str) -> Problem:
    return Problem(FIELD, f"{path} {what}.", why, remedy)

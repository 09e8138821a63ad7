"""What a machine is told at its first boot: our page, and beside it what the user's own cloud-init file says.

The two travel as one multi-part message, which cloud-init merges: ours first, then the user's. Lists are joined
(packages, files, commands; the user's last), texts are the user's, and a file written to a path of ours replaces
ours. A `merge_how` in the user's file decides otherwise.

Sources: cloud-init, "User-data formats" (MIME multi-part archive) and "Merging user-data sections".
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib.resources import files

from wizard.plan import workload
from wizard.plan.choices import image_named
from wizard.plan.model import Plan

MERGE = "list(append)+dict(no_replace,recurse_list,recurse_str)+str()"
"""How the user's keys are added to ours: lists grow at their end, tables are merged key by key, texts replaced."""


def custom_data(plan: Plan) -> str:
    """`customData` as ARM takes it; "" where there is nothing to tell. Raises OSError for a file that has gone."""
    return base64.b64encode(user_data(plan)).decode()


def user_data(plan: Plan) -> bytes:
    """What cloud-init is given. The plan's file is read here."""
    chosen = plan.machines.workload
    if chosen == workload.NONE:
        return b""
    ours = page(plan)
    if not workload.is_file(chosen):
        return ours.encode()
    own = workload.read(chosen)
    kind = "x-shellscript" if own.startswith("#!") else "cloud-config"
    return _message((("cloud-config", "page.yaml", ours, ""), (kind, "own", own, MERGE)))


def page(plan: Plan) -> str:
    """The cloud-config of our page.

    Ubuntu and Debian: the site stands where the package would link its own. Red Hat's nginx reads conf.d alone, which
    every nginx reads: there it stands for an image of which only the id is known, too, and an empty file keeps
    Debian's package from linking its own beside it.
    """
    text = files("assets").joinpath("cloud-init", "page.yaml").read_text(encoding="utf-8")
    image, port = image_named(plan.machines.image), plan.balancer.backend_port
    debian = image is not None and image.publisher != "RedHat"
    lines = {"PROBE": _probe_location(plan.balancer.probe_path), "PACKAGES": "", "FILES": "", "OPEN": ""}
    if not debian:
        unusual = image is not None and port not in _WEB_PORTS
        lines |= {
            "PACKAGES": "  - policycoreutils-python-utils\n" if unusual else "",  # semanage
            "FILES": '  - path: /etc/nginx/sites-enabled/default\n    permissions: "0644"\n    content: ""\n',
            "OPEN": "".join(f"  - {command}\n" for command in _opening(port)),
        }
    for word, filled in lines.items():
        text = re.sub(rf"^ *@{word}@\n", lambda _, filled=filled: filled, text, flags=re.MULTILINE)  # type: ignore[misc]
    site = "/etc/nginx/sites-enabled/default" if debian else "/etc/nginx/conf.d/page.conf"
    return text.replace("@SITE@", site).replace("@PORT@", str(port))


_WEB_PORTS = frozenset({80, 81, 443, 488, 8008, 8009, 8080, 8443, 9000})
"""Where SELinux lets nginx listen without being told: http_port_t and http_cache_port_t of RHEL 9's policy."""


def _opening(port: int) -> tuple[str, ...]:
    """Red Hat's images: SELinux and the machine's own firewall let the port in. Elsewhere nothing happens."""
    label = f"-t http_port_t -p tcp {port}"
    opened = f"firewall-cmd --permanent --add-port={port}/tcp && firewall-cmd --reload"
    selinux = f"if command -v semanage >/dev/null 2>&1; then semanage port -a {label} || semanage port -m {label}; fi"
    firewall = f"if systemctl is-active --quiet firewalld; then {opened}; fi"
    return (firewall,) if port in _WEB_PORTS else (selinux, firewall)


def _message(parts: tuple[tuple[str, str, str, str], ...]) -> bytes:
    """A MIME message of (subtype, file name, text, how to merge). The same texts make the same message.

    A text beyond ASCII travels in base64: cloud-init reads the message as text, and would spoil other bytes.
    """
    digest = hashlib.sha256("".join(text for _kind, _name, text, _merge in parts).encode()).hexdigest()
    boundary = f"=={digest[:32]}=="
    lines = [f'Content-Type: multipart/mixed; boundary="{boundary}"', "MIME-Version: 1.0", ""]
    for kind, name, text, merge in parts:
        plain = text.isascii()
        lines += [
            f"--{boundary}",
            f'Content-Type: text/{kind}; charset="utf-8"',
            "MIME-Version: 1.0",
            f"Content-Transfer-Encoding: {'7bit' if plain else 'base64'}",
            f'Content-Disposition: attachment; filename="{name}"',
            *([f"Merge-Type: {merge}"] if merge and kind == "cloud-config" else []),
            "",
            text.rstrip("\n") if plain else base64.encodebytes(text.encode()).decode().strip(),
        ]
    return "\n".join([*lines, f"--{boundary}--", ""]).encode()


def _probe_location(path: str) -> str:
    """nginx's answer to a probe path other than the page's own: 200, and not a line in the log every few seconds."""
    location = re.sub(r"/+", "/", path.partition("?")[0])  # as nginx sees it before it chooses a location
    if location in ("", "/"):
        return ""
    if not re.fullmatch(r"[A-Za-z0-9/._~-]+", location):
        location = f'"{location}"'
    indent = " " * 10
    return (
        f"{indent}location = {location} {{\n"
        f"{indent}    access_log off;\n"
        f'{indent}    return 200 "ok\\n";\n'
        f"{indent}}}\n\n"
    )

"""What a machine's sshd is told by its configuration files: the first value of a keyword counts (sshd_config(5))."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.sandbox.fabric.disk import Disk

MAIN = "/etc/ssh/sshd_config"


@dataclass(frozen=True)
class SshdConfig:
    """The settings this sshd obeys; the rest of a file is kept and ignored."""

    password_login: bool
    key_login: bool
    root_login: str  # yes, no, prohibit-password
    max_auth_tries: int
    banner: str
    allow_users: tuple[str, ...]

    def shown(self) -> str:
        """As `sshd -T` prints them."""

        def yes(value: bool) -> str:
            return "yes" if value else "no"

        root = "without-password" if self.root_login == "prohibit-password" else self.root_login
        lines = [
            "port 22",
            "addressfamily any",
            "logingracetime 120",
            f"maxauthtries {self.max_auth_tries}",
            f"permitrootlogin {root}",
            f"pubkeyauthentication {yes(self.key_login)}",
            f"passwordauthentication {yes(self.password_login)}",
            "kbdinteractiveauthentication no",
            "usepam yes",
            "hostkey /etc/ssh/ssh_host_ecdsa_key",
            "hostkey /etc/ssh/ssh_host_ed25519_key",
            f"banner {self.banner or 'none'}",
        ]
        return "\n".join(lines) + "\n"


def _collect(disk: Disk, path: str, found: dict[str, str], depth: int = 0) -> None:
    try:
        text = disk.read(path)
    except OSError:
        return
    for line in text.splitlines():
        words = line.strip().replace("=", " ", 1).split(None, 1)
        if len(words) < 2 or words[0].startswith("#"):
            continue
        keyword, value = words[0].lower(), words[1].strip().strip('"')
        if keyword == "match":
            break  # conditional blocks are not evaluated
        if keyword == "include" and depth < 4:
            for pattern in value.split():
                for one in disk.glob(pattern if pattern.startswith("/") else f"/etc/ssh/{pattern}"):
                    _collect(disk, one, found, depth + 1)
        else:
            found.setdefault(keyword, value)


def read(disk: Disk) -> SshdConfig:
    """The effective configuration of the machine's files as they are now."""
    found: dict[str, str] = {}
    _collect(disk, MAIN, found)

    def on(keyword: str, default: bool) -> bool:
        return found.get(keyword, "yes" if default else "no").lower() == "yes"

    tries = found.get("maxauthtries", "6")
    return SshdConfig(
        password_login=on("passwordauthentication", True),
        key_login=on("pubkeyauthentication", True),
        root_login=found.get("permitrootlogin", "prohibit-password").lower().replace("without-", "prohibit-"),
        max_auth_tries=int(tries) if tries.isdigit() else 6,
        banner="" if found.get("banner", "none") == "none" else found["banner"],
        allow_users=tuple(found.get("allowusers", "").split()),
    )

"""What a machine's image holds before anything is installed: names, versions and the files commands may look at.

Kept once for all machines of an image; a guest's own disk holds only what differs from it. Versions are those of
Azure's marketplace images in 2026, from memory: nothing but display depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from wizard.sandbox.fabric.disk import Node

AGENT_VERSION = "2.15.1.3"  # from memory: a current WALinuxAgent


@dataclass(frozen=True)
class Image:
    """One family of images. `nginx` is the package's version, its configuration laid out as Debian does."""

    id: str
    name: str
    version: str
    pretty: str
    codename: str
    kernel: str
    ssh_version: str  # what follows "SSH-2.0-"
    nginx: str
    nginx_banner: str  # the Server header
    archive: str
    ssh_service: str
    debian_like: bool = True


_UBUNTU = Image(
    id="ubuntu",
    name="ubuntu",
    version="24.04",
    pretty="Ubuntu 24.04.3 LTS",
    codename="noble",
    kernel="6.14.0-1014-azure",
    ssh_version="OpenSSH_9.6p1 Ubuntu-3ubuntu13.14",
    nginx="1.24.0-2ubuntu7.5",
    nginx_banner="nginx/1.24.0 (Ubuntu)",
    archive="azure.archive.ubuntu.com",
    ssh_service="ssh",
)
_DEBIAN = Image(
    id="debian",
    name="debian",
    version="12",
    pretty="Debian GNU/Linux 12 (bookworm)",
    codename="bookworm",
    kernel="6.1.0-40-cloud-amd64",
    ssh_version="OpenSSH_9.2p1 Debian-2+deb12u7",
    nginx="1.22.1-9+deb12u3",
    nginx_banner="nginx/1.22.1",
    archive="deb.debian.org",
    ssh_service="ssh",
)
_RHEL = Image(
    id="rhel",
    name="redhat",
    version="9.6",
    pretty="Red Hat Enterprise Linux 9.6 (Plow)",
    codename="plow",
    kernel="5.14.0-570.46.1.el9_6.x86_64",
    ssh_version="OpenSSH_9.9",
    nginx="2:1.20.1-22.el9_6.3",
    nginx_banner="nginx/1.20.1",
    archive="rhui4-1.microsoft.com",
    ssh_service="sshd",
    debian_like=False,
)


def find(reference: str) -> Image:
    """The family of `publisher:offer:sku:version`; Ubuntu for what is not known."""
    publisher = reference.split(":", maxsplit=1)[0].lower()
    if "debian" in publisher:
        return _DEBIAN
    return _RHEL if "redhat" in publisher else _UBUNTU


SSHD_CONFIG = """\
# This is the sshd server system-wide configuration file. See sshd_config(5).

Include /etc/ssh/sshd_config.d/*.conf

#Port 22
#PermitRootLogin prohibit-password
#PubkeyAuthentication yes
#PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM yes
X11Forwarding yes
PrintMotd no
AcceptEnv LANG LC_*
Subsystem\tsftp\t/usr/lib/openssh/sftp-server
"""

_DIRECTORIES = (
    "/", "/bin", "/boot", "/dev", "/etc", "/etc/apt", "/etc/cloud", "/etc/default", "/etc/ssh",
    "/etc/ssh/sshd_config.d", "/etc/sudoers.d", "/etc/systemd", "/etc/systemd/system", "/home", "/mnt", "/opt", "/proc",
    "/root", "/run", "/sbin", "/srv", "/sys", "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/usr/local/bin",
    "/usr/sbin", "/usr/share", "/var", "/var/lib", "/var/lib/cloud", "/var/lib/waagent", "/var/log", "/var/log/azure",
)  # fmt: skip


@cache
def base_files(image: Image) -> dict[str, Node]:
    """The image's own files by path. What depends on the machine (hostname, users, keys) is not among them."""
    files: dict[str, Node] = {path: {"dir": True, "mode": 0o755} for path in _DIRECTORIES}
    files["/root"] = {"dir": True, "mode": 0o700}
    files["/tmp"] = files["/var/tmp"] = {"dir": True, "mode": 0o1777}  # noqa: S108 - a path inside the machine

    def text(path: str, content: str, mode: int = 0o644) -> None:
        files[path] = {"content": content, "mode": mode}

    text(
        "/etc/os-release",
        f'PRETTY_NAME="{image.pretty}"\nNAME="{image.pretty.rsplit(" ", 2)[0] if image.id != "ubuntu" else "Ubuntu"}"\n'
        f'VERSION_ID="{image.version}"\nVERSION_CODENAME={image.codename}\nID={image.id}\n',
    )
    text("/etc/issue", f"{image.pretty} \\n \\l\n\n")
    text("/etc/ssh/sshd_config", SSHD_CONFIG)
    text("/etc/shells", "/bin/sh\n/bin/bash\n/usr/bin/bash\n")
    text("/etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch internal.cloudapp.net\n")
    text("/etc/sudoers", "Defaults\tenv_reset\nroot\tALL=(ALL:ALL) ALL\n%sudo\tALL=(ALL:ALL) ALL\n", 0o440)
    text("/etc/login.defs", "PASS_MAX_DAYS\t99999\nUID_MIN\t\t\t 1000\nUID_MAX\t\t\t60000\nSYS_UID_MIN\t\t  100\n")
    text("/proc/version", f"Linux version {image.kernel} (buildd@lcy02) #1 SMP\n", 0o444)
    text(
        "/proc/cpuinfo",
        "".join(
            f"processor\t: {cpu}\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R) Platinum 8370C CPU @ "
            "2.80GHz\ncpu MHz\t\t: 2793.437\n\n"
            for cpu in range(2)
        ),
        0o444,
    )
    text(
        "/proc/meminfo",
        "MemTotal:        8131100 kB\nMemFree:         6843212 kB\nMemAvailable:    7412388 kB\n",
        0o444,
    )
    for name in ("bash", "sh", "ls", "cat", "systemctl", "curl", "ssh-keygen"):
        files[f"/usr/bin/{name}"] = {"content": "", "mode": 0o755}
    files["/usr/sbin/sshd"] = {"content": "", "mode": 0o755}
    return files


_DEBIAN_SITE = """\
# Default server configuration
server {
\tlisten 80 default_server;
\tlisten [::]:80 default_server;

\troot /var/www/html;

\t# Add index.php to the list if you are using PHP
\tindex index.html index.htm index.nginx-debian.html;

\tserver_name _;

\tlocation / {
\t\t# First attempt to serve request as file, then as directory, then fall back to displaying a 404.
\t\ttry_files $uri $uri/ =404;
\t}
}
"""

_DEBIAN_MAIN = """\
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;
include /etc/nginx/modules-enabled/*.conf;

events {
\tworker_connections 768;
}

http {
\tsendfile on;
\ttcp_nopush on;
\ttypes_hash_max_size 2048;
\tinclude /etc/nginx/mime.types;
\tdefault_type application/octet-stream;
\taccess_log /var/log/nginx/access.log;
\tgzip on;
\tinclude /etc/nginx/conf.d/*.conf;
\tinclude /etc/nginx/sites-enabled/*;
}
"""

_RHEL_MAIN = """\
user nginx;
worker_processes auto;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log;

events {
    worker_connections 1024;
}

http {
    access_log /var/log/nginx/access.log;
    sendfile on;
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    include /etc/nginx/conf.d/*.conf;
    server {
        listen 80;
        listen [::]:80;
        server_name _;
        root /usr/share/nginx/html;
    }
}
"""

_MIME = """\
types {
    text/html html htm shtml;
    text/css css;
    text/xml xml;
    image/gif gif;
    image/jpeg jpeg jpg;
    application/javascript js;
    text/plain txt;
    image/png png;
    image/svg+xml svg svgz;
    image/x-icon ico;
    application/json json;
    application/pdf pdf;
}
"""

_WELCOME = """\
<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>The web server is installed and working. Further configuration is required.</p>
</body>
</html>
"""


@cache
def nginx_files(image: Image) -> dict[str, Node]:
    """What installing the package nginx adds."""
    files: dict[str, Node] = {
        path: {"dir": True, "mode": 0o755} for path in ("/etc/nginx", "/etc/nginx/conf.d", "/var/log/nginx")
    }
    files["/etc/nginx/mime.types"] = {"content": _MIME, "mode": 0o644}
    files["/usr/sbin/nginx"] = {"content": "", "mode": 0o755}
    if not image.debian_like:
        files["/etc/nginx/nginx.conf"] = {"content": _RHEL_MAIN, "mode": 0o644}
        files["/usr/share/nginx/html"] = files["/usr/share/nginx"] = {"dir": True, "mode": 0o755}
        files["/usr/share/nginx/html/index.html"] = {"content": _WELCOME, "mode": 0o644}
        return files
    for path in ("/etc/nginx/sites-available", "/etc/nginx/sites-enabled", "/etc/nginx/modules-enabled", "/var/www"):
        files[path] = {"dir": True, "mode": 0o755}
    files["/etc/nginx/nginx.conf"] = {"content": _DEBIAN_MAIN, "mode": 0o644}
    files["/etc/nginx/sites-available/default"] = {"content": _DEBIAN_SITE, "mode": 0o644}
    files["/etc/nginx/sites-enabled/default"] = {"link": "/etc/nginx/sites-available/default", "mode": 0o777}
    files["/var/www/html"] = {"dir": True, "mode": 0o755}
    files["/var/www/html/index.nginx-debian.html"] = {"content": _WELCOME, "mode": 0o644}
    return files

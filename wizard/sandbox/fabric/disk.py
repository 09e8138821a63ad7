"""A machine's file system: the image's files below, what this machine changed above.

Only the upper part is kept in the guest record. Everything that configures the machine (sshd's configuration,
authorized keys, nginx's sites) is read from here, so that a command, cloud-init and an extension change the same thing.
"""

from __future__ import annotations

import fnmatch
import posixpath
import time
from collections.abc import Callable, Mapping
from typing import Any

Node = dict[str, Any]
"""`content` (a file), `dir` (true) or `link` (its target), and `mode`, `owner`, `group`, `mtime`."""

_MAX_LINKS = 16
_LARGEST = 4 * 1024 * 1024  # characters one file may hold: a machine's disk is a row in a database


class Disk:
    """Paths are absolute and POSIX. Errors are OSErrors with the text a command prints."""

    def __init__(
        self,
        base: Mapping[str, Node],
        changes: dict[str, Node | None],
        live: Mapping[str, Callable[[], str]],
        changed: Callable[[], None],
    ) -> None:
        self._base = base
        self._changes = changes
        self._live = live
        self._changed = changed
        self.version = 0

    def resolve(self, path: str, *, follow: bool = True) -> str:
        """The path with every symbolic link on its way replaced; the last one only when `follow`."""
        path = posixpath.normpath("/" + path.lstrip("/"))
        for _ in range(_MAX_LINKS):
            parts = [part for part in path.split("/") if part]
            for index in range(1, len(parts) + 1):
                head = "/" + "/".join(parts[:index])
                node = self._raw(head)
                if node is not None and "link" in node and (follow or index < len(parts)):
                    target = posixpath.join(posixpath.dirname(head), node["link"])
                    path = posixpath.normpath(posixpath.join(target, *parts[index:]))
                    break
            else:
                return path
        raise OSError("Too many levels of symbolic links")

    def _raw(self, path: str) -> Node | None:
        if path in self._changes:
            return self._changes[path]
        if path in self._live:
            return {"content": None, "mode": 0o640 if path == "/etc/shadow" else 0o644}
        return self._base.get(path)

    def node(self, path: str, *, follow: bool = True) -> Node | None:
        return self._raw(self.resolve(path, follow=follow))

    def exists(self, path: str) -> bool:
        return self.node(path) is not None

    def is_dir(self, path: str) -> bool:
        node = self.node(path)
        return node is not None and "dir" in node

    def read(self, path: str) -> str:
        """A file's text; raises FileNotFoundError or IsADirectoryError."""
        path = self.resolve(path)
        node = self._raw(path)
        if node is None:
            raise FileNotFoundError("No such file or directory")
        if "dir" in node:
            raise IsADirectoryError("Is a directory")
        if path not in self._changes and path in self._live:
            return self._live[path]()
        return str(node.get("content") or "")

    def write(
        self, path: str, content: str, *, mode: int | None = None, owner: str | None = None, parents: bool = False
    ) -> None:
        """Replace or make a file; `parents` makes missing directories, else they raise FileNotFoundError."""
        path = self.resolve(path)
        if len(content) > _LARGEST:
            raise OSError("No space left on device")
        old, parent = self._raw(path), posixpath.dirname(path)
        if old is not None and "dir" in old:
            raise IsADirectoryError("Is a directory")
        if not self.is_dir(parent):
            if not parents:
                raise FileNotFoundError("No such file or directory")
            self.mkdir(parent, parents=True)
        old = old or {}
        self._set(
            path,
            {
                "content": content,
                "mode": mode if mode is not None else old.get("mode", 0o644),
                "owner": owner or old.get("owner", "root"),
                "mtime": time.time(),
            },
        )

    def mkdir(self, path: str, *, mode: int = 0o755, owner: str = "root", parents: bool = False) -> None:
        path = self.resolve(path)
        node = self._raw(path)
        if node is not None:
            if parents and "dir" in node:
                return
            raise FileExistsError("File exists")
        parent = posixpath.dirname(path)
        if not self.is_dir(parent):
            if not parents:
                raise FileNotFoundError("No such file or directory")
            self.mkdir(parent, owner=owner, parents=True)
        self._set(path, {"dir": True, "mode": mode, "owner": owner, "mtime": time.time()})

    def link(self, target: str, path: str, owner: str = "root") -> None:
        """Make a symbolic link at `path`."""
        path = self.resolve(path, follow=False)
        if self._raw(path) is not None:
            raise FileExistsError("File exists")
        if not self.is_dir(posixpath.dirname(path)):
            raise FileNotFoundError("No such file or directory")
        self._set(path, {"link": target, "mode": 0o777, "owner": owner, "mtime": time.time()})

    def change(self, path: str, *, follow: bool = True, **facts: Any) -> None:
        """Set `mode`, `owner`, `group` or `mtime` of what is there."""
        path = self.resolve(path, follow=follow)
        node = self._raw(path)
        if node is None:
            raise FileNotFoundError("No such file or directory")
        kept = dict(node)
        if kept.get("content", "") is None:
            kept["content"] = self._live[path]()
        self._set(path, kept | facts)

    def remove(self, path: str, *, recursive: bool = False) -> None:
        path = self.resolve(path, follow=False)
        node = self._raw(path)
        if node is None:
            raise FileNotFoundError("No such file or directory")
        if "dir" in node and not recursive:
            raise IsADirectoryError("Is a directory")
        if path in ("/", "/etc", "/usr", "/var", "/home"):
            raise PermissionError("Device or resource busy")
        inside = path.rstrip("/") + "/"
        for one in [one for one in self._paths() if one == path or one.startswith(inside)]:
            self._set(one, None)

    def rename(self, source: str, target: str) -> None:
        """Move a file or a whole directory."""
        source, target = self.resolve(source, follow=False), self.resolve(target, follow=False)
        if self._raw(source) is None:
            raise FileNotFoundError("No such file or directory")
        inside = source.rstrip("/") + "/"
        for one in [one for one in self._paths() if one == source or one.startswith(inside)]:
            node = self._raw(one)
            self._set(target + one[len(source) :], dict(node) if node is not None else None)
            self._set(one, None)

    def install(self, files: Mapping[str, Node]) -> None:
        """A package's files; what is there already is kept, as dpkg keeps a changed configuration."""
        for path, node in files.items():
            if self._raw(path) is None:
                self._changes[path] = {"owner": "root", "mtime": time.time()} | node
        self._touch()

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted."""
        path = self.resolve(path)
        node = self._raw(path)
        if node is None:
            raise FileNotFoundError("No such file or directory")
        if "dir" not in node:
            raise NotADirectoryError("Not a directory")
        inside = path.rstrip("/") + "/"
        names = {one[len(inside) :] for one in self._paths() if one.startswith(inside) and one != path}
        return sorted(name for name in names if name and "/" not in name)

    def glob(self, pattern: str) -> list[str]:
        """Paths that match an absolute pattern; hidden names only where the pattern says so."""
        found = ["/"]
        for part in [part for part in pattern.split("/") if part]:
            following: list[str] = []
            for folder in found:
                if not any(sign in part for sign in "*?["):
                    one = posixpath.join(folder, part)
                    if self.node(one, follow=False) is not None:
                        following.append(one)
                elif self.is_dir(folder):
                    following += [
                        posixpath.join(folder, name)
                        for name in self.names(folder)
                        if fnmatch.fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))
                    ]
            found = following
        return found

    def _paths(self) -> list[str]:
        paths = {*self._base, *self._live, *self._changes}
        return [path for path in paths if self._raw(path) is not None]

    def _set(self, path: str, node: Node | None) -> None:
        if node is None and path not in self._base and path not in self._live:
            self._changes.pop(path, None)
        else:
            self._changes[path] = node
        self._touch()

    def _touch(self) -> None:
        self.version += 1
        self._changed()


def owner(node: Node) -> str:
    return str(node.get("owner", "root"))


def may(node: Node, user: str, groups: set[str], want: int) -> bool:
    """Whether a user may read (4), write (2) or enter (1); root may always."""
    if user == "root":
        return True
    mode = int(node.get("mode", 0o644))
    if owner(node) == user:
        return bool(mode >> 6 & want)
    if node.get("group", owner(node)) in groups:
        return bool(mode >> 3 & want)
    return bool(mode & want)

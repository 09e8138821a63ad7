"""A Windows machine's files: paths with drive letters and backslashes, names without case."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

Node = dict[str, Any]
"""`path` as it was written, `content` of a file (None for a folder), `mtime`."""

_LARGEST = 4 * 1024 * 1024  # characters one file may hold: a machine's disk is a row in a database
_FOLDERS = (
    "C:",
    r"C:\Windows",
    r"C:\Windows\System32",
    r"C:\Windows\Temp",
    r"C:\Users",
    r"C:\Program Files",
    r"C:\Packages",
    r"C:\AzureData",
)


def plain(path: str) -> str:
    r"""`C:\inetpub\wwwroot` of `c:/inetpub/.\wwwroot\`: backslashes, no dots; relative paths are below System32.

    Raises OSError when the path is none.
    """
    text = path.strip().strip('"').replace("/", "\\")
    if text.startswith("\\") and not text.startswith("\\\\"):
        text = f"C:{text}"
    if text[1:2] != ":":
        text = f"C:\\Windows\\System32\\{text}"
    drive, *parts = text.split("\\")
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            if any(sign in part for sign in '<>:"|?*') or part.endswith((" ", ".")):
                raise OSError("The given path's format is not supported.")
            kept.append(part)
    if drive.upper() != "C:":
        raise FileNotFoundError(f"Cannot find drive. A drive with the name '{drive.rstrip(':')}' does not exist.")
    return "\\".join(["C:", *kept])


class Files:
    """Changes of the image's disk. Errors are OSErrors with the text that PowerShell prints."""

    def __init__(self, nodes: dict[str, Node], changed: Callable[[], None]) -> None:
        self._nodes = nodes
        self._changed = changed
        self._base = {folder.lower(): {"path": folder, "content": None, "mtime": 0.0} for folder in _FOLDERS}
        self.version = 0

    def node(self, path: str) -> Node | None:
        key = plain(path).lower()
        return self._nodes.get(key) or self._base.get(key)

    def exists(self, path: str) -> bool:
        return self.node(path) is not None

    def is_folder(self, path: str) -> bool:
        node = self.node(path)
        return node is not None and node["content"] is None

    def read(self, path: str) -> str:
        node = self.node(path)
        if node is None:
            raise FileNotFoundError(f"Cannot find path '{plain(path)}' because it does not exist.")
        if node["content"] is None:
            raise PermissionError(f"Access to the path '{plain(path)}' is denied.")
        return str(node["content"])

    def write(self, path: str, content: str) -> None:
        """Replace or make a file; its folder must be there."""
        path = plain(path)
        if not self.is_folder(path.rpartition("\\")[0]):
            raise FileNotFoundError(f"Could not find a part of the path '{path}'.")
        if self.is_folder(path):
            raise PermissionError(f"Access to the path '{path}' is denied.")
        if len(content) > _LARGEST:
            raise OSError("There is not enough space on the disk.")
        self._set(path, content)

    def make_folder(self, path: str) -> None:
        """A folder with all above it."""
        path = plain(path)
        parts = path.split("\\")
        for end in range(2, len(parts) + 1):
            here = "\\".join(parts[:end])
            node = self.node(here)
            if node is None:
                self._set(here, None)
            elif node["content"] is not None:
                raise FileExistsError(f"An item with the specified name {here} already exists.")

    def remove(self, path: str) -> None:
        """A file, or a folder with what is in it."""
        path = plain(path)
        if self.node(path) is None:
            raise FileNotFoundError(f"Cannot find path '{path}' because it does not exist.")
        key = path.lower()
        if key in self._base:
            raise PermissionError(f"Access to the path '{path}' is denied.")
        for one in [one for one in self._nodes if one == key or one.startswith(f"{key}\\")]:
            del self._nodes[one]
        self._touch()

    def children(self, path: str) -> list[Node]:
        """What is in a folder, by name."""
        inside = plain(path).lower() + "\\"
        known = {**self._base, **self._nodes}
        return [known[key] for key in sorted(known) if key.startswith(inside) and "\\" not in key[len(inside) :]]

    def _set(self, path: str, content: str | None) -> None:
        self._nodes[path.lower()] = {"path": path, "content": content, "mtime": time.time()}
        self._touch()

    def _touch(self) -> None:
        self.version += 1
        self._changed()

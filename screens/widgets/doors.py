"""Where a deployment answers, as the lines one would type: curl, and ssh with its port for each VM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from screens.widgets.table import Cell, Table

Door = tuple[str, str]
"""The VM (`""` for the page) and the command."""


def doors(http: str, ssh: Mapping[str, str], rdp: Mapping[str, str], users: Mapping[str, str]) -> list[Door]:
    """The lines for these endpoints; addresses are `HOST:PORT`."""
    found: list[Door] = [("", f"curl {http}/")] if http else []
    for vm, at in ssh.items():
        host, _, port = at.rpartition(":")
        found.append((vm, f"ssh -p {port} {users.get(vm, 'azureuser')}@{host}"))
    found += [(vm, f"xfreerdp /v:{at} /u:{users.get(vm, 'azureuser')}") for vm, at in rdp.items()]
    return found


class Doors(Table):
    """One line is chosen; what copies it stands beside it."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:
        super().__init__(id=id, classes=classes)
        self.doors: Sequence[Door] = ()

    def show(self, found: Sequence[Door]) -> None:
        self.doors = found
        self.redraw()

    def chosen(self) -> Door | None:
        """The line under the cursor."""
        return self.doors[self.cursor] if self.cursor < len(self.doors) else None

    def total(self) -> int:
        return len(self.doors)

    def cells(self, line: int, width: int) -> Sequence[Cell]:
        vm, command = self.doors[line]
        copies = "c copies" if line == self.cursor else ""
        room = max(0, width - len(vm) - len(copies) - 4)
        return [(f" {command[:room]:<{room}} ", "plain"), (f"{vm} ", "quiet"), (f"{copies} ", "quiet")]

"""The deployment as it goes: each resource with its state and time, then the endpoints or what went wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from screens.engine import EngineProcess

SIGNS = {"started": "… creating", "done": "✓ done", "failed": "✗ failed", "adopted": "… adopted", "same": "✓ same"}


class DeployingScreen(Screen[None]):
    """Runs `deploy FILE --yes` in the engine's process: pressing Create was the consent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "stop", "Stop", tooltip="Stop and keep what was done; Create goes on later", id="deploying.stop"),
        Binding("b,escape", "back", "Back", tooltip="To the first screen, once it has ended", id="deploying.back"),
    ]

    def __init__(self, plan_file: Path) -> None:
        super().__init__()
        self.engine = EngineProcess("deploy", str(plan_file), "--yes")
        self.states: dict[str, str] = {}
        self.ended = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="title"):
            yield Static("Deploying", id="headline", classes="name")
            yield Static("", id="count", classes="where")
        with Vertical(classes="body"):
            yield DataTable(id="resources", cursor_type="row", zebra_stripes=True)
            yield Static("… preparing", id="outcome", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        table: DataTable[str] = self.query_one("#resources", DataTable)
        for label, width in (("Resource", 34), ("State", 12), ("Time", 8)):
            table.add_column(label, key=label, width=width)
        table.focus()
        self.follow()

    @work(exclusive=True)
    async def follow(self) -> None:
        """Draw every event of the engine until it ends."""
        async for event in self.engine.events():
            match event["event"]:
                case "resource":
                    self._resource(event)
                case "deployed":
                    self._deployed(event)
                case "error" | "problem":
                    self._error(event)
        self.ended = True
        self.query_one("#headline", Static).update("Deployed" if self.engine.exit_status == 0 else "Stopped")
        if self.engine.exit_status not in (0, None) and not self.query_one("#outcome").has_class("bad"):
            self._error({"what": "The deployment stopped.", "why": "\n".join(self.engine.narration[-3:]), "remedy": ""})

    def _resource(self, event: dict[str, Any]) -> None:
        table: DataTable[str] = self.query_one("#resources", DataTable)
        resource, state = str(event["id"]), str(event["state"])
        at = f"{float(event['at']):.1f} s"
        if resource in self.states:
            table.update_cell(resource, "State", SIGNS[state])
            table.update_cell(resource, "Time", at)
        else:
            table.add_row(resource.rsplit("/", 1)[-1], SIGNS[state], at, key=resource)
        self.states[resource] = state
        ready = sum(state in ("done", "same") for state in self.states.values())
        self.query_one("#count", Static).update(f"{ready} of {len(self.states)} begun are there")
        self.query_one("#outcome", Static).update("… at work")

    def _deployed(self, event: dict[str, Any]) -> None:
        lines = [f"✓ {event['resources']} resources in {event['seconds']:.0f} s", "", f"curl {event['http']}/"]
        lines += [f"{vm:<16} ssh port {address.rpartition(':')[2]}" for vm, address in event["ssh"].items()][:4]
        lines += ["", f"Prove it: multivm-wizard verify {event['name']}"]
        self.query_one("#outcome", Static).update("\n".join(lines))

    def _error(self, event: dict[str, Any]) -> None:
        outcome = self.query_one("#outcome", Static)
        outcome.add_class("bad")
        told = [line for line in (event.get("what"), event.get("why"), event.get("remedy")) if line]
        outcome.update("✗ " + "\n  ".join(told))

    def action_stop(self) -> None:
        if not self.ended:
            self.query_one("#outcome", Static).update("… stopping; what was done is kept")
            self.engine.interrupt()

    def action_back(self) -> None:
        if self.ended:
            self.app.pop_screen()
        else:
            self.notify("The deployment is at work: x stops it and keeps what was done.")

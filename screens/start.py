"""The first screen: what will be deployed where, and the button that does it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Button, Footer, Static

from screens.deploying import DeployingScreen
from screens.engine import EngineProcess
from wizard.home import home


class StartScreen(Screen[None]):
    """Shows the plan in a few lines; without a plan file, the default plan for the sandbox is made first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "create", "Create", tooltip="Deploy what is shown", id="start.create"),
        Binding("q", "app.quit", "Quit", tooltip="Leave; nothing is written", id="start.quit"),
    ]

    def __init__(self, plan_file: Path | None) -> None:
        super().__init__()
        self.plan_file = plan_file
        self.ready = False

    def compose(self) -> ComposeResult:
        with Horizontal(id="title"):
            yield Static("multivm-wizard", classes="name")
            yield Static("", id="where", classes="where")
        with VerticalScroll(classes="body"):
            yield Static(
                "Several VMs behind a load balancer, deployed and ready to be proved.", classes="lead", markup=False
            )
            yield Static("… reading the plan", id="facts", classes="facts", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Create", id="create", variant="primary", disabled=True)
                yield Button("Quit", id="quit")
            yield Static("", id="note", classes="muted", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        self.read_plan()

    @work(exclusive=True)
    async def read_plan(self) -> None:
        """Make the default plan when none was named, then show what `plan show` tells of it."""
        if self.plan_file is None:
            self.plan_file = home() / "wizard-plan.toml"
            if not self.plan_file.exists() and not await self._succeeds("plan", "new", "-o", str(self.plan_file)):
                return
        resources: list[dict[str, str]] = []
        showing = EngineProcess("plan", "show", str(self.plan_file))
        async for event in showing.events():
            if event["event"] == "planned":
                resources.append(event)
            else:
                self._refuse(event)
        if showing.exit_status != 0:
            return
        self._show(resources)

    async def _succeeds(self, *arguments: str) -> bool:
        command = EngineProcess(*arguments)
        async for event in command.events():
            if event["event"] == "error":
                self._refuse(event)
        return command.exit_status == 0

    def _refuse(self, event: dict[str, str]) -> None:
        lines = (event.get("what", ""), event.get("why", ""), event.get("remedy", ""))
        told = "\n".join(f"{'✗' if number == 0 else ' '} {line}" for number, line in enumerate(lines) if line)
        before = self.query_one("#note", Static)
        before.add_class("bad")
        before.update(f"{before.content}\n{told}".strip("\n"))
        self.query_one("#facts", Static).update(f"The plan {self.plan_file} cannot be deployed as it is:")

    def _show(self, resources: list[dict[str, str]]) -> None:
        from wizard.plan import files

        assert self.plan_file is not None
        plan = files.read(self.plan_file)
        rows = {
            "Where": f"{plan.cloud}, {plan.location}, resource group {plan.name}",
            "Machines": f"{plan.machines.count} × {plan.machines.size}, {plan.machines.image}",
            "Balancer": f"port {plan.balancer.frontend_port}, SSH from port {plan.balancer.nat_first_port} on",
            "Sign in": f"{plan.machines.admin_user}, by {plan.machines.auth.value}",
            "Resources": f"{len(resources)}, in the order their dependencies allow",
            "Plan": str(self.plan_file),
        }
        self.query_one("#where", Static).update(f"{plan.cloud} · {plan.name}")
        self.query_one("#facts", Static).update("\n".join(f"{name:<11}{value}" for name, value in rows.items()))
        if plan.machines.auth.value == "password":
            self.query_one("#note", Static).update(
                "This plan signs in with a password, which this screen does not ask for. Deploy it with:\n"
                f"multivm-wizard deploy {self.plan_file} --password-stdin"
            )
            return
        self.query_one("#note", Static).update("Create writes the resources above to the cloud named above.")
        create = self.query_one("#create", Button)
        create.disabled = False
        create.focus()
        self.ready = True

    def action_create(self) -> None:
        if self.ready and self.plan_file is not None:
            self.app.push_screen(DeployingScreen(self.plan_file))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "create":
            self.action_create()
        else:
            self.app.exit()

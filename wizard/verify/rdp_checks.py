"""Remote Desktop of one VM through its NAT port: it answers, it is the VM, it wants a login first, it takes ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pydantic import SecretStr

from wizard.errors import WizardError
from wizard.verify import hostkeys, rdp, rdp_login
from wizard.verify.events import CheckDone, CheckState
from wizard.verify.logins import Credentials
from wizard.verify.machines import Machine
from wizard.verify.rdp import RdpFacts
from wizard.verify.rdp_pins import Certificates

NAMES = ("rdp.answers", "rdp.certificate", "rdp.nla", "rdp.login")


async def check(
    machine: Machine, door: tuple[str, int], certificates: Certificates, credentials: Credentials
) -> list[CheckDone]:
    """rdp.answers, rdp.certificate, rdp.nla and rdp.login. Nothing that authenticates goes to a server that is not
    known to be the VM."""
    facts = await rdp.probe(*door)
    found = {one.name: one for one in rdp.judge(machine.name, facts, datetime.now(UTC))}
    shown = found["rdp.certificate"]
    if not facts.ok or facts.certificate is None:
        return [*found.values(), _login(machine, "skipped", "it needs a certificate to know the VM by")]
    try:
        identified = await hostkeys.identify(certificates, machine.id, *door)
    except WizardError as error:
        # Unverified is no proof of an impostor, and no proof of the VM: it never passes.
        found["rdp.certificate"] = replace(shown, state="warned", detail=f"unverified: {error}; {shown.detail}")
        return [*found.values(), _unsent(machine)]
    if identified.state != "ok":
        found["rdp.certificate"] = replace(shown, state="failed", detail=identified.detail)
        return [*found.values(), _unsent(machine)]
    found["rdp.certificate"] = replace(shown, detail=f"{shown.detail}; as the VM told by Run Command")
    return [*found.values(), await _sign_in(machine, door, facts, identified, credentials)]


async def _sign_in(
    machine: Machine,
    door: tuple[str, int],
    facts: RdpFacts,
    identified: hostkeys.Identified,
    credentials: Credentials,
) -> CheckDone:
    if facts.nla not in {"required", "offered"}:
        return _login(machine, "skipped", "only network-level authentication can be asked without opening a session")
    users, password = credentials.at(machine.name)
    if not isinstance(password, SecretStr) or not users:
        return _login(machine, "skipped", credentials.why_none or "a Windows VM takes a password, and none was given")
    user = users[0]
    told = await rdp_login.login(*door, user, password, pinned=identified.pinned, computer=machine.hostname)
    if not told.ok:
        return _login(machine, "failed", f"{user}: {told.detail}")
    return _login(machine, "passed", f"{user} at {door[0]}:{door[1]}: {told.detail} in {told.seconds:.1f} s")


def _login(machine: Machine, state: CheckState, detail: str) -> CheckDone:
    return CheckDone("rdp.login", machine.name, state, detail)


def _unsent(machine: Machine) -> CheckDone:
    return _login(machine, "skipped", "nothing is sent to a server that is not known to be the VM")


def unreachable(machine: Machine) -> list[CheckDone]:
    """The checks of a VM that no NAT port leads to."""
    why = "no NAT port of the balancer leads to this VM"
    return [
        CheckDone(NAMES[0], machine.name, "failed", why),
        *(CheckDone(name, machine.name, "skipped", "it needs an answer") for name in NAMES[1:]),
    ]

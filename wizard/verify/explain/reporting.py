"""Why a machine's Azure Monitor agent sends nothing.

From the outside in: the machine, its agent, who the agent is, what it is to do, and the way to the workspace.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wizard import ids
from wizard.blueprint import guests, names
from wizard.blueprint.resource import Resource
from wizard.deploy.compare import identity_kinds
from wizard.verify.explain import filters, machine
from wizard.verify.explain.cause import Cause
from wizard.verify.explain.facts import Document, Facts, properties
from wizard.verify.machines import Machine

TYPES = (names.VM_ASSOCIATION, names.SCALE_SET_ASSOCIATION, names.COLLECTION_RULE)
"""What is read of a deployment beside its machines and their network."""
PORTS = (443,)
"""What the agent needs (Microsoft, "Azure Monitor Agent network configuration")."""
_AGENTS = {kind.lower() for kind, _version in guests.TYPES.values()}
_AGAIN = "Deploy the plan again."


def guest(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """The causes that can be proved. What needs a machine that is not there or does not run is not told beside that."""
    stopped = list(machine.power(facts, asked))
    yield from stopped
    if stopped:
        return
    document = facts.get(asked.id)
    if document is not None:
        yield from _agent(facts, asked, document)
    yield from _association(facts, asked)
    yield from machine.no_way_out(facts, asked)
    yield from filters.outbound(facts, asked, PORTS)


def _agent(facts: Facts, asked: Machine, document: Document) -> Iterator[Cause]:
    """The extension is missing or has failed, or the machine has no identity to sign in with."""
    found = next((one for one in document.get("resources") or () if _is_agent(one)), None)
    if found is None:
        yield Cause(
            "monitor-agent-missing",
            f"{asked.name} has no Azure Monitor agent",
            "its document: none of its extensions is one",
            _AGAIN if _planned(facts, asked) else _replace(facts, asked),
        )
        return
    if str(properties(found).get("provisioningState") or "").lower() == "failed":
        name = str(found.get("name") or "").rpartition("/")[2]
        yield Cause(
            "monitor-agent-failed",
            f"the Azure Monitor agent of {asked.name} could not be enabled",
            f"its extension {name}: {_message(facts, asked, name) or 'provisioningState Failed'}",
            _AGAIN if _planned(facts, asked) else _replace(facts, asked),
        )
        return
    yield from _identity(asked, document, found)


def _identity(asked: Machine, document: Document, agent: Document) -> Iterator[Cause]:
    """The agent signs in with the machine's own identity, or with the user-assigned one that its settings name."""
    identity: dict[str, Any] = dict(document.get("identity") or {})
    settings = properties(agent).get("settings") or {}
    chosen = ((settings.get("authentication") or {}).get("managedIdentity") or {}).get("identifier-value")
    if not chosen and "SystemAssigned" not in identity_kinds(identity.get("type")):
        yield Cause(
            "monitor-identity-missing",
            f"{asked.name} has no identity for its Azure Monitor agent to sign in with",
            f"its document: identity {identity.get('type') or 'None'}",
            f"{_AGAIN} Or: az vm identity assign -g {asked.group} -n {asked.name}",
        )
    given = map(ids.key, identity.get("userAssignedIdentities") or ())
    if chosen and ids.key(str(chosen)) not in given:
        yield Cause(
            "monitor-identity-missing",
            f"{asked.name} does not have the identity that its Azure Monitor agent is to sign in with",
            f"its extension's settings name {ids.parse(str(chosen)).name}; its document does not",
            f"az vm identity assign -g {asked.group} -n {asked.name} --identities {chosen}",
        )


def _association(facts: Facts, asked: Machine) -> Iterator[Cause]:
    """Nothing tells the agent what to count: no association, or no rule behind it."""
    planned = next((one for one in _associations(facts) if _holds_for(one, asked)), None)
    if planned is None or ids.key(planned.id) not in facts.documents:
        return
    rule_id = str(planned.body["properties"]["dataCollectionRuleId"])
    rule, found = ids.parse(rule_id).name, facts.get(planned.id)
    if ids.key(rule_id) in facts.documents and facts.get(rule_id) is None:
        yield Cause(
            "monitor-rule-missing", f"there is no data collection rule {rule}", "ARM answers 404 for it", _AGAIN
        )
    elif found is None:
        yield Cause(
            "monitor-association-missing",
            f"{_scope(planned)} is not associated with the data collection rule {rule}",
            f"ARM answers 404 for its association {planned.name}",
            _AGAIN,
        )
    elif ids.key(told := str(properties(found).get("dataCollectionRuleId") or "")) != ids.key(rule_id):
        yield Cause(
            "monitor-association-elsewhere",
            f"{_scope(planned)} is associated with another data collection rule than {rule}",
            f"its association {planned.name}: {told or 'no rule'}",
            _AGAIN,
        )


def _associations(facts: Facts) -> Iterator[Resource]:
    for kind in (names.VM_ASSOCIATION, names.SCALE_SET_ASSOCIATION):
        yield from facts.blueprint.of_type(kind)


def _holds_for(association: Resource, asked: Machine) -> bool:
    """Whether it is the machine's own, or that of the scale set it is in; a deployment has one at most."""
    on = ids.key(association.id).partition("/providers/microsoft.insights/")[0]
    return on == ids.key(asked.id) or association.type == names.SCALE_SET_ASSOCIATION


def _scope(association: Resource) -> str:
    return ids.parse(association.id[: association.id.lower().index("/providers/microsoft.insights/")]).name


def _planned(facts: Facts, asked: Machine) -> bool:
    """Whether the machine's agent is a resource of the plan: a scale set's machines have it from their profile."""
    return any(
        ids.key(one.id).startswith(f"{ids.key(asked.id)}/") and one.body["properties"]["type"].lower() in _AGENTS
        for one in facts.blueprint.of_type(names.EXTENSION)
    )


def _replace(facts: Facts, asked: Machine) -> str:
    """Of a machine of a scale set: another one is made from the profile, which has the agent."""
    count = len(facts.machines)
    return f"Replace it: az vm delete -g {asked.group} -n {asked.name}, then multivm-wizard scale --count {count}"


def _is_agent(extension: Document) -> bool:
    return str(properties(extension).get("type") or "").lower() in _AGENTS


def _message(facts: Facts, asked: Machine, name: str) -> str:
    """What the machine's agent says of an extension, in the instance view."""
    for extension in facts.views.get(asked.name, {}).get("extensions") or ():
        if str(extension.get("name") or "").lower() == name.lower():
            for status in extension.get("statuses") or ():
                return str(status.get("message") or status.get("displayStatus") or "")
    return ""

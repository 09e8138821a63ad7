"""Rules about what watches a deployment and what guards it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.errors import Problem
from wizard.plan.model import Layout, Lock, Outbound, Placement

GUEST_METRICS = "diagnostics.guest_metrics"
NEW = "new"
"""What `diagnostics.workspace` says for a workspace that the deployment makes itself."""
WORKSPACE = re.compile(
    r"/subscriptions/[0-9a-f-]{36}/resourceGroups/[^/]+/providers/Microsoft\.OperationalInsights/workspaces/[^/]+",
    re.IGNORECASE,
)


def workspace(text: str) -> Problem | None:
    """Empty, the word new, or the id of a Log Analytics workspace."""
    if not text or text == NEW or WORKSPACE.fullmatch(text):
        return None
    return Problem(
        "diagnostics.workspace",
        "This is not the id of a Log Analytics workspace.",
        "It is /subscriptions/S/resourceGroups/G/providers/Microsoft.OperationalInsights/workspaces/NAME.",
        f"Copy the Resource ID from the workspace's properties in the portal, or write {NEW} to have one made.",
    )


def health_events_have_a_place(wanted: bool, account: bool, workspace: str) -> Problem | None:
    """Health events go to the diagnostics account, or to a workspace."""
    return _has_a_place("diagnostics.health_events", "Health events", wanted, account, workspace)


def metrics_have_a_place(wanted: bool, account: bool, workspace: str) -> Problem | None:
    """So do the balancer's metrics."""
    return _has_a_place("diagnostics.metrics", "Metrics", wanted, account, workspace)


def _has_a_place(field: str, what: str, wanted: bool, account: bool, workspace: str) -> Problem | None:
    if not wanted or account or workspace:
        return None
    return Problem(
        field,
        f"{what} have no place to go to.",
        "A diagnostic setting needs a storage account or a Log Analytics workspace.",
        "Set diagnostics.storage_account = true, or name a workspace in diagnostics.workspace.",
    )


def guest_metrics_have_a_place(wanted: bool, workspace: str) -> Problem | None:
    """What a machine's agent counts goes to a workspace, and nowhere else."""
    if not wanted or workspace:
        return None
    return Problem(
        GUEST_METRICS,
        "Guest metrics have no place to go to.",
        "The Azure Monitor agent sends its counters to a Log Analytics workspace; a storage account cannot take them.",
        f'Name a workspace in diagnostics.workspace, or write "{NEW}" there.',
    )


def guest_metrics_get_out(wanted: bool, outbound: Outbound) -> Problem | None:
    """A warning where the agent reaches neither its rule nor the workspace."""
    if not wanted or outbound is not Outbound.NONE:
        return None
    return Problem(
        GUEST_METRICS,
        "The machines' agents will not be able to report.",
        'With outbound = "none" they reach neither the rule that tells them what to count nor the workspace.',
        'Write outbound = "nat-gateway" or "outbound-rule", or guest_metrics = false.',
        "warning",
    )


def workspace_is_used(workspace: str, events: bool, metrics: bool, guests: bool) -> Problem | None:
    """A warning where nothing would be sent to it."""
    if not workspace or events or metrics or guests:
        return None
    return Problem(
        "diagnostics.workspace",
        "Nothing is sent to this workspace.",
        f"None of diagnostics.health_events, diagnostics.metrics and {GUEST_METRICS} is true.",
        "Set one of them, or leave the workspace out.",
        "warning",
    )


def lock_of_own_group(lock: Lock, existing_group: bool) -> Problem | None:
    """A group that is somebody else's is not ours to lock."""
    if lock is Lock.NONE or not existing_group:
        return None
    return Problem(
        "management.lock",
        "A group that was there before is not locked.",
        "With existing_group it is somebody else's, and nothing of it is changed.",
        'Use lock = "none".',
    )


def disks_can_be_kept(keep: bool, placement: Placement, layout: Layout) -> Iterator[Problem]:
    """Kept are managed disks of machines that we delete ourselves."""
    if keep and placement is Placement.SCALE_SET:
        yield Problem(
            "management.keep_disks",
            "A scale set's machines do not leave their disks.",
            "Azure adds, removes and replaces them by itself: the disks of each would pile up, and be paid for.",
            "Write keep_disks = false, or place the machines otherwise.",
        )
    if keep and layout is Layout.ACCOUNT_PER_VM:
        yield Problem(
            "management.keep_disks",
            "Only managed disks are kept.",
            "A VHD goes with its machine's storage account.",
            f'Write keep_disks = false, or layout = "{Layout.MANAGED}".',
        )

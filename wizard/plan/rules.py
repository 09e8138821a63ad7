"""What makes a plan legal: every rule, each judged whenever what it reads can be trusted.

A mistake gets one Problem and not its consequences: a rule that reads several keys is passed over when one of them is
faulty by itself (its type, its range, a choice that does not deploy yet). Forms call the single rules: those most used
stand here too, the others in their modules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from wizard.errors import Problem
from wizard.plan import (
    addresses,
    balancer,
    disks,
    document,
    expectation,
    layout,
    machines,
    management,
    naming,
    not_yet,
    outbound,
    scale_set,
    security,
    workload,
    zones,
)
from wizard.plan.addresses import source
from wizard.plan.choices import CLOUDS
from wizard.plan.credentials import admin_user, auth, password, ssh_key
from wizard.plan.model import Auth, OsType, Placement, Plan
from wizard.plan.naming import prefix, resource_group, vm_name

__all__ = [
    "admin_user",
    "check",
    "check_values",
    "in_order",
    "password",
    "prefix",
    "resource_group",
    "source",
    "ssh_key",
    "vm_name",
]

Verdict = Problem | Iterable[Problem] | None


@dataclass(frozen=True)
class _Rule:
    judge: Callable[..., Verdict]
    reads: tuple[str, ...]


def _rule(judge: Callable[..., Verdict], *reads: str) -> _Rule:
    return _Rule(judge, reads)


_ALONE = (
    _rule(naming.version, "version"),
    _rule(naming.cloud, "cloud"),
    _rule(naming.resource_group, "name"),
    _rule(naming.location, "location"),
    _rule(naming.tags, "tags"),
    _rule(machines.image, "machines.image"),
    _rule(machines.own_image, "machines.image"),
    _rule(machines.size, "machines.size"),
    _rule(machines.fault_domains, "machines.fault_domains"),
    _rule(machines.update_domains, "machines.update_domains"),
    _rule(machines.os_disk, "machines.os_disk"),
    _rule(machines.os_disk_retires, "machines.os_disk"),
    _rule(zones.zones, "machines.zones"),
    _rule(disks.os_disk_gb, "machines.os_disk_gb"),
    _rule(disks.data_disks, "machines.data_disks"),
    _rule(security.rules, "network.rules"),
    _rule(security.fetching_lives, "network.rules"),
    _rule(lambda text: ssh_key(text) if text else None, "machines.ssh_key"),
    _rule(addresses.address_space, "network.address_space"),
    _rule(naming.subnet_name, "network.subnet_name"),
    _rule(addresses.subnet, "network.subnet"),
    _rule(addresses.allow_http, "network.allow_http"),
    _rule(addresses.allow_admin, "network.allow_admin"),
    _rule(outbound.ports, "network.outbound_ports"),
    _rule(naming.dns_label, "balancer.dns_label"),
    _rule(balancer.frontend_port, "balancer.frontend_port"),
    _rule(balancer.backend_port, "balancer.backend_port"),
    _rule(balancer.probe_interval, "balancer.probe_interval_s"),
    _rule(balancer.probe_threshold, "balancer.probe_threshold"),
    _rule(balancer.nat_first_port, "balancer.nat_first_port"),
    _rule(balancer.nat_range, "balancer.nat_range"),
    _rule(management.workspace, "diagnostics.workspace"),
    _rule(expectation.check, "verification.expect"),
)


# These are judged in any case; where the second key is faulty, by the most lenient value it could have.
_LENIENT: Mapping[str, Any] = {
    "machines.os": OsType.LINUX,
    "machines.count": 1,
    "machines.placement": None,
    "balancer.probe_protocol": None,
    "scale_set.autoscale": False,
    "scale_set.repairs": False,
}
_LENIENTLY = (
    _rule(machines.count, "machines.count", "machines.placement"),
    _rule(admin_user, "machines.admin_user", "machines.os"),
    _rule(auth, "machines.auth", "machines.os"),
    _rule(prefix, "prefix", "machines.os", "machines.count"),
    _rule(workload.check, "machines.workload", "machines.os"),
    _rule(balancer.backend_port_is_free, "balancer.backend_port", "machines.os"),
    _rule(balancer.probe_path, "balancer.probe_path", "balancer.probe_protocol"),
    _rule(scale_set.minimum, "scale_set.minimum", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.maximum, "scale_set.maximum", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.cpu_out_percent, "scale_set.cpu_out_percent", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.cpu_in_percent, "scale_set.cpu_in_percent", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.window_min, "scale_set.window_min", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.cooldown_min, "scale_set.cooldown_min", "machines.placement", "scale_set.autoscale"),
    _rule(scale_set.repairs_grace_min, "scale_set.repairs_grace_min", "machines.placement", "scale_set.repairs"),
)


def _key_is_there(key: str, auth: Auth) -> Problem | None:
    if auth is Auth.SSH_KEY and not key:
        return Problem(
            "machines.ssh_key",
            "There is no SSH key.",
            'With auth = "ssh-key" it is the only way to sign in.',
            "Paste the line of a .pub file; plan new writes one by itself.",
        )
    if auth is Auth.PASSWORD and key:
        return Problem(
            "machines.ssh_key",
            "This key is not put on the machines.",
            'With auth = "password" the first sign-in is by password.',
            'Use auth = "ssh-key", or leave the key empty.',
            "warning",
        )
    return None


def _far_http(entries: tuple[str, ...], cloud: str) -> Problem | None:
    return _far("network.allow_http", entries, cloud)


def _far_admin(entries: tuple[str, ...], cloud: str) -> Problem | None:
    return _far("network.allow_admin", entries, cloud)


def _far(field: str, entries: tuple[str, ...], cloud: str) -> Problem | None:
    # A cloud that sees this computer at a fixed address is at hand; a custom endpoint may be in the same house.
    choice = CLOUDS.get(cloud)
    return addresses.reachable_from_afar(field, entries) if choice and choice.admin_from is None else None


def _few(count: int, placement: Placement) -> Problem | None:
    return machines.few(count) if placement is Placement.AVAILABILITY_SET else None


def _at_most(judge: Callable[..., Verdict], place: int) -> Callable[..., Verdict]:
    """A rule of the number of machines, its argument at `place`, of the most there can be; reads `_MOST` at its end."""

    def judged(*values: Any) -> Verdict:
        *read, placement, autoscale, maximum = values
        read[place] = scale_set.most(read[place], placement, autoscale, maximum)
        return judge(*read)

    return judged


_MOST = ("machines.placement", "scale_set.autoscale", "scale_set.maximum")
_LAYOUT = "storage.layout"
_NAT = ("balancer.nat_first_port", "balancer.nat", "balancer.nat_range")

_KEPT_IN = ("diagnostics.storage_account", "diagnostics.workspace")

_TOGETHER = (
    _rule(management.health_events_have_a_place, "diagnostics.health_events", *_KEPT_IN),
    _rule(management.metrics_have_a_place, "diagnostics.metrics", *_KEPT_IN),
    _rule(management.lock_of_own_group, "management.lock", "existing_group"),
    _rule(management.disks_can_be_kept, "management.keep_disks", "machines.placement", _LAYOUT),
    _rule(management.guest_metrics_have_a_place, management.GUEST_METRICS, "diagnostics.workspace"),
    _rule(management.guest_metrics_get_out, management.GUEST_METRICS, "network.outbound"),
    _rule(
        management.workspace_is_used,
        "diagnostics.workspace",
        "diagnostics.health_events",
        "diagnostics.metrics",
        management.GUEST_METRICS,
    ),
    _rule(_few, "machines.count", "machines.placement"),
    _rule(zones.spread, "machines.count", "machines.zones", "machines.placement", "scale_set.zones"),
    _rule(security.probe_lives, "network.rules", "network.allow_http", "balancer.backend_port", "network.subnet"),
    _rule(
        security.guests_live,
        "network.rules",
        "network.allow_http",
        "network.allow_admin",
        "balancer.backend_port",
        "machines.os",
        "network.subnet",
    ),
    _rule(machines.image_fits, "machines.image", "machines.os"),
    _rule(machines.trusted_launch_fits, "machines.security_type", "machines.image", _LAYOUT),
    _rule(layout.retired, _LAYOUT, "cloud"),
    _rule(layout.managed_only, _LAYOUT, "machines.placement", "machines.image", "machines.encryption_at_host"),
    _rule(layout.vhds, _LAYOUT, "machines.os_disk", "machines.data_disks"),
    _rule(layout.boot_diagnostics, _LAYOUT, "diagnostics.boot", "diagnostics.storage_account"),
    _rule(machines.domains_agree, "machines.fault_domains", "machines.update_domains"),
    _rule(_key_is_there, "machines.ssh_key", "machines.auth"),
    _rule(addresses.subnet_inside, "network.address_space", "network.subnet"),
    _rule(_at_most(addresses.subnet_holds, 1), "network.subnet", "machines.count", *_MOST),
    _rule(_far_http, "network.allow_http", "cloud"),
    _rule(_far_admin, "network.allow_admin", "cloud"),
    _rule(outbound.no_way_out, "network.outbound", "machines.workload", "machines.os", "machines.image"),
    _rule(
        balancer.probe_path_on_windows,
        "balancer.probe_path",
        "balancer.probe_protocol",
        "machines.workload",
        "machines.os",
    ),
    _rule(
        _at_most(outbound.ports_suffice, 3),
        "network.outbound_ports",
        "network.outbound",
        "network.outbound_address",
        "machines.count",
        "balancer.frontend_port",
        *_NAT,
        *_MOST,
    ),
    _rule(_at_most(balancer.nat_range_suffices, 2), "balancer.nat_range", "balancer.nat", "machines.count", *_MOST),
    _rule(balancer.nat_ports_exist, "balancer.nat_first_port", "machines.count", *_NAT[1:]),
    _rule(balancer.ports_apart, "balancer.frontend_port", "balancer.nat_first_port", "machines.count", *_NAT[1:]),
    _rule(
        scale_set.sizes_agree,
        "machines.count",
        "scale_set.minimum",
        "scale_set.maximum",
        "machines.placement",
        "scale_set.autoscale",
    ),
    _rule(
        scale_set.thresholds_apart,
        "scale_set.cpu_out_percent",
        "scale_set.cpu_in_percent",
        "scale_set.minimum",
        "machines.placement",
        "scale_set.autoscale",
    ),
    _rule(scale_set.repairs_are_told, "scale_set.repairs", "scale_set.health", "machines.placement"),
    _rule(scale_set.ports_are_a_range, "balancer.nat", "machines.placement"),
)


def check(plan: Plan) -> list[Problem]:
    """Every Problem of a plan, errors and warnings, in the order of its keys."""
    return check_values(document.flatten(plan))


def check_values(values: Mapping[str, Any]) -> list[Problem]:
    """As `check`, of values by dotted key; a key that is missing is one whose value is not known."""
    problems: list[Problem] = []
    bad: set[str] = set()

    def judge(rule: _Rule, known: Mapping[str, Any]) -> None:
        problems.extend(found := _problems(rule.judge(*(known[key] for key in rule.reads))))
        bad.update(problem.field for problem in found if problem.severity == "error")

    for rule in _ALONE:
        if rule.reads[0] in values:
            judge(rule, values)
    problems += (refused := not_yet.check(values, bad))
    bad.update(problem.field for problem in refused)
    for rule in _LENIENTLY:
        if rule.reads[0] in values and rule.reads[0] not in bad:
            judge(rule, {**_LENIENT, **{key: value for key, value in values.items() if key not in bad}})
    for rule in _TOGETHER:
        # A clash of two keys is no reason to trust neither of them: only what is faulty by itself counts.
        if all(key in values and key not in bad for key in rule.reads):
            problems += _problems(rule.judge(*(values[key] for key in rule.reads)))
    return in_order(problems)


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Problems in the order of a plan file's keys; those of unknown keys at the end of their table."""
    order = {key: index for index, key in enumerate(document.fields())}

    def position(problem: Problem) -> int:
        if problem.field in order:
            return order[problem.field]
        table = problem.field.partition(".")[0]
        return max((index for key, index in order.items() if key.partition(".")[0] == table), default=len(order))

    return sorted(problems, key=position)


def _problems(verdict: Verdict) -> list[Problem]:
    if verdict is None:
        return []
    return [verdict] if isinstance(verdict, Problem) else list(verdict)

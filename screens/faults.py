"""From an error of a deployment to the answer that caused it: which step mends it.

A problem names its field. An error of Azure's names a resource and a code: the code says which answer where it can,
else the resource's type says which step made it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from screens import flow
from screens.ledger import Row

# Azure's codes and words (lower case), the narrower ones first, and the plan key whose answer they are about.
_BY_WORD: tuple[tuple[str, str], ...] = (
    ("dnsrecordinuse", "balancer.dns_label"),
    ("dns record", "balancer.dns_label"),
    ("skunotavailable", "machines.size"),
    ("allocationfailed", "machines.size"),
    ("vmsizenotsupported", "machines.size"),
    ("quota", "machines.size"),
    ("platformimagenotfound", "machines.image"),
    ("image", "machines.image"),
    ("faultdomain", "machines.fault_domains"),
    ("fault domain", "machines.fault_domains"),
    ("adminpassword", "secret.password"),
    ("adminusername", "machines.admin_user"),
    ("publickey", "machines.ssh_key"),
    ("ssh key", "machines.ssh_key"),
    ("locationnotavailable", "location"),
    ("subnet", "network.subnet"),
    ("netcfg", "network.address_space"),
    ("port", "balancer.frontend_port"),
)
_BY_TYPE: Mapping[str, str] = {
    "resourcegroups": "name",
    "networksecuritygroups": "network.allow_http",
    "natgateways": "network.outbound",
    "virtualnetworks": "network.address_space",
    "publicipaddresses": "balancer.dns_label",
    "loadbalancers": "balancer.frontend_port",
    "networkinterfaces": "network.subnet",
    "availabilitysets": "machines.fault_domains",
    "virtualmachines": "machines.size",
    "virtualmachinescalesets": "machines.size",
    "autoscalesettings": "scale_set.autoscale",
    "storageaccounts": "diagnostics.storage_account",
}
_LINE = ("cannot be reached", "connection refused", "connection was lost", "did not answer")
# Words that speak of an answer only where the resource is made from it.
_ONLY: Mapping[str, frozenset[str]] = {
    "port": frozenset({"loadbalancers"}),
    "image": frozenset({"virtualmachines"}),
    "subnet": frozenset({"virtualnetworks"}),
}


def key_of(problems: Iterable[Mapping[str, Any]], failed: Iterable[Row]) -> str:
    """The plan key to edit, `""` where no answer is to blame (a lost connection, a fault of Azure's)."""
    for problem in problems:
        if problem.get("severity", "error") == "error" and problem.get("field"):
            return str(problem["field"])
    for row in failed:
        text = row.why.lower()
        if any(words in text for words in _LINE):
            continue  # the line to Azure is to blame, and no answer
        for word, key in _BY_WORD:
            if word in text and row.short_type in _ONLY.get(word, {row.short_type}):
                return key
        if key := _BY_TYPE.get(row.short_type, ""):
            return key
    return ""


def step_of(key: str) -> flow.Entry | None:
    """The step that edits that key."""
    step = flow.step_of(key) if key else ""
    return flow.entry(step) if step else None

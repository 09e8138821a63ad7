"""Rules about names: the group, the machines, what lies in the network, tags, the region and the cloud.

Limits and characters: Microsoft, "Naming rules and restrictions for Azure resources". Each rule is a pure function that
returns a Problem or None; `field` of the Problem is the plan key that the value belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from wizard.errors import Problem
from wizard.plan import limits
from wizard.plan.choices import CLOUDS
from wizard.plan.model import OsType
from wizard.plan.nearest import did_you_mean, nearest

OWNER_TAG = "multivm-wizard"
"""The tag every resource of a deployment carries; its value is the deployment's name. What lacks it is not ours."""

VNET_SUFFIX = "-vnet"
"""The longest suffix under the tightest limit (64): it decides how long a prefix may be."""

_VM_NAME_BANNED = frozenset(" ~!@#$%^&*()=+_[]{}\\|;:.'\",<>/?`")
_TAG_NAME_BANNED = frozenset("<>%&\\?/")
_TAG_NAME_RESERVED = ("microsoft", "azure", "windows")
_SUBNET_NAMES_RESERVED = (  # subnets of these names belong to an Azure service; several refuse an NSG
    "AzureBastionSubnet",
    "AzureFirewallManagementSubnet",
    "AzureFirewallSubnet",
    "GatewaySubnet",
    "RouteServerSubnet",
)


def version(number: int) -> Problem | None:
    """The form of plan.toml that this program reads."""
    if number == 1:
        return None
    return Problem(
        "version",
        f"Version {number} is not known.",
        "This program reads version 1.",
        "Write 1, or use a newer program.",
    )


def cloud(text: str) -> Problem | None:
    """A cloud known by name, or the https URL of an ARM endpoint."""
    if text in CLOUDS:
        return None
    field, names = "cloud", ", ".join(CLOUDS)
    if "://" not in text:
        near = nearest(text, CLOUDS)
        return Problem(
            field,
            f'"{text}" is not a cloud.',
            f"Known by name are {names}; any other is named by its ARM endpoint's URL.",
            f'Did you mean "{near}"?' if near else "Use one of these names, or https://HOST.",
        )
    try:
        url = urlsplit(text)
        proper = bool(url.scheme == "https" and url.hostname and not url.username and url.port != 0)
    except ValueError:
        proper = False
    if not proper or url.query or url.fragment or any(character.isspace() for character in text):
        return Problem(
            field,
            "This URL cannot be an ARM endpoint.",
            "Tokens are sent to it: it must be https, with a host, and without user, query or fragment.",
            "Write it like https://management.local.azurestack.external.",
        )
    return None


def resource_group(text: str) -> Problem | None:
    """1 to 90 letters, digits and -_.() of any alphabet, and no period at the end."""
    field = "name"
    if len(text) not in limits.GROUP_NAME:
        return Problem(
            field,
            f"The name has {len(text)} characters.",
            f"A resource group's has {limits.GROUP_NAME}.",
            "Choose a shorter one." if text else "Choose a name, such as ra-multi-vm-rg.",
        )
    if wrong := sorted({character for character in text if not re.fullmatch(r"[-\w.()]", character)}):
        return Problem(
            field,
            f"The name holds {_shown(wrong)}.",
            "A resource group's name takes letters, digits, hyphens, underscores, periods and parentheses.",
            "Leave them out.",
        )
    if text.endswith("."):
        return Problem(field, "The name ends with a period.", "Azure refuses that.", "Leave the period out.")
    return None


def location(text: str) -> Problem | None:
    """A region as requests name it. Whether it exists is the cloud's to say."""
    proper = re.compile(r"[a-z][a-z0-9]{1,49}")
    if proper.fullmatch(text):
        return None
    plain = re.sub(r"[^a-z0-9]", "", text.lower())
    return Problem(
        "location",
        f'"{text}" is not a region\'s name.',
        "Requests name a region in lower-case letters and digits, without spaces.",
        f'Did you mean "{plain}"?' if proper.fullmatch(plain) else "Use a name such as westeurope.",
    )


def vm_name(text: str, os: OsType, field: str = "prefix") -> Problem | None:
    """A VM's name, which is its computer name too: 64 characters on Linux, 15 on Windows, no special ones."""
    most = limits.WINDOWS_COMPUTER_NAME if os == OsType.WINDOWS else limits.VM_NAME
    kind = "Windows" if os == OsType.WINDOWS else "Linux"
    if not text or len(text) > most:
        return Problem(
            field,
            f'The machine\'s name "{text}" has {len(text)} characters.',
            f"A {kind} computer name has 1 to {most}.",
            "Shorten it." if text else "Choose a name.",
        )
    wrong = sorted({character for character in text if character in _VM_NAME_BANNED or not character.isprintable()})
    if wrong:
        return Problem(
            field, f'The machine\'s name "{text}" holds {_shown(wrong)}.', "Azure refuses these.", "Leave them out."
        )
    if text.endswith("-"):
        return Problem(field, f'The machine\'s name "{text}" ends with a hyphen.', "Azure refuses that.", "Drop it.")
    if os == OsType.WINDOWS and text.isdigit():
        return Problem(
            field,
            f'The machine\'s name "{text}" is digits only.',
            "A Windows computer name needs a letter.",
            "Add a letter.",
        )
    return None


def prefix(text: str, os: OsType, count: int) -> Problem | None:
    """What every name begins with: the last machine's name and the network's must still be legal.

    Letters, digits and hyphens, beginning with a letter or digit: what VM names (no `_`, no `.`) and network names
    (start alphanumeric) have in common.
    """
    field = "prefix"
    if not text:
        return Problem(field, "The prefix is empty.", "Azure's names begin with a letter or digit.", "Choose one.")
    if wrong := sorted({character for character in text if not re.fullmatch(r"[A-Za-z0-9-]", character)}):
        return Problem(
            field,
            f"The prefix holds {_shown(wrong)}.",
            "The names of machines and networks share letters A to Z, digits and hyphens.",
            "Leave them out.",
        )
    if text.startswith("-"):
        return Problem(field, "The prefix begins with a hyphen.", "Names begin with a letter or digit.", "Drop it.")
    longest = len(text) + len(VNET_SUFFIX)
    if longest > limits.VNET_NAME.high:
        return Problem(
            field,
            f"The prefix has {len(text)} characters.",
            f"The network is called PREFIX{VNET_SUFFIX}, and its name has at most {limits.VNET_NAME.high}.",
            f"Use {limits.VNET_NAME.high - len(VNET_SUFFIX)} characters or fewer.",
        )
    return vm_name(f"{text}{count}", os)


def subnet_name(text: str) -> Problem | None:
    """1 to 80 characters; begins with a letter or digit, ends with one or `_`; `.`, `-`, `_` between."""
    field = "network.subnet_name"
    for reserved in _SUBNET_NAMES_RESERVED:
        if text.lower() == reserved.lower():
            return Problem(
                field, f'"{text}" is reserved.', "Azure keeps this name for a service of its own.", "Choose another."
            )
    if re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?", text):
        return None
    return Problem(
        field,
        f'"{text}" cannot be a subnet\'s name.' if text else "The subnet has no name.",
        "It has 1 to 80 letters, digits, periods, hyphens and underscores, begins with a letter or digit and ends with "
        "one of these or an underscore.",
        "Choose a name such as web.",
    )


def dns_label(text: str) -> Problem | None:
    """Empty for none; otherwise `^[a-z][a-z0-9-]{1,61}[a-z0-9]$`."""
    if not text or re.fullmatch(r"[a-z][a-z0-9-]{1,61}[a-z0-9]", text):
        return None
    return Problem(
        "balancer.dns_label",
        f'"{text}" cannot be a DNS label.',
        "It has 3 to 63 lower-case letters, digits and hyphens, begins with a letter and does not end with a hyphen.",
        'Choose another, or "" for none.',
    )


def tags(pairs: Mapping[str, str]) -> Iterator[Problem]:
    """At most 50 on a resource, ours among them; names up to 512 and values up to 256 characters."""
    room = limits.TAGS - 1
    if len(pairs) > room:
        yield Problem(
            "tags",
            f"There are {len(pairs)} tags.",
            f"A resource has at most {limits.TAGS}, and one of them is the owner's ({OWNER_TAG}).",
            f"Keep {room} or fewer.",
        )
    seen: set[str] = set()
    for name, value in pairs.items():
        if problem := _tag_name(name, seen):
            yield problem
        seen.add(name.lower())
        if len(value) > limits.TAG_VALUE:
            yield Problem(
                f"tags.{name}",
                f"The value has {len(value)} characters.",
                f"A tag's value has at most {limits.TAG_VALUE}.",
                "Shorten it.",
            )


def _tag_name(name: str, seen: set[str]) -> Problem | None:
    field, lower = f"tags.{name}", name.lower()
    if not name.strip():
        return Problem("tags", "A tag has no name.", "Azure needs one.", "Give it a name, or take it out.")
    if lower == OWNER_TAG:
        return Problem(
            field, "This tag is set by the program.", "It says whose the resources are.", "Take it out of the plan."
        )
    if lower in seen:
        return Problem(
            field, "This tag stands there twice.", "Tag names are the same without regard to case.", "Keep one."
        )
    if wrong := sorted({character for character in name if character in _TAG_NAME_BANNED}):
        return Problem(
            field, f"The name holds {_shown(wrong)}.", "Azure refuses these in tag names.", "Leave them out."
        )
    if lower.startswith(_TAG_NAME_RESERVED):
        return Problem(
            field,
            "The name begins with a reserved word.",
            f"Azure keeps {', '.join(_TAG_NAME_RESERVED)} for itself.",
            "Choose another name.",
        )
    if len(name) > limits.TAG_NAME:
        return Problem(
            field[:60], f"The name has {len(name)} characters.", f"It may have {limits.TAG_NAME}.", "Shorten it."
        )
    return None


def one_of(field: str, text: str, valid: tuple[str, ...]) -> Problem | None:
    """A choice among names."""
    if text in valid:
        return None
    return Problem(
        field, f'"{text}" is not a choice here.', f"There are: {', '.join(valid)}.", did_you_mean(text, valid)
    )


def _shown(characters: list[str]) -> str:
    """Characters for a person: the unprintable by their code."""
    return " ".join(repr(character) if not character.isspace() else "a blank" for character in characters)

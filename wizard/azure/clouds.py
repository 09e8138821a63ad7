"""Which Azure: a Cloud is data. Product code reads its fields and never asks which cloud it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cloud:
    """One Azure Resource Manager and the authority that signs people in to it.

    name            as plans write it: sandbox, public, usgov, china, or the URL of an ARM endpoint
    arm             base URL of ARM, without a trailing slash
    authority       base URL of the token authority
    audience        what tokens are asked for; scope is `audience + "/.default"`
    ca              PEM file to trust beside the system's, or None
    poll_floor_s    one operation is asked no more often than this
    tenant          known beforehand, or None (asked of the sign-in)
    subscription    known beforehand, or None (asked of ARM)
    client_id       of a service principal that comes with the cloud, or None
    client_secret_file  its secret's file, or None
    dns_suffix      what follows a public IP's DNS label and region
    """

    name: str
    arm: str
    authority: str
    audience: str
    poll_floor_s: float
    dns_suffix: str = "cloudapp.azure.com"
    ca: Path | None = None
    tenant: str | None = None
    subscription: str | None = None
    client_id: str | None = None
    client_secret_file: Path | None = None
    validate_authority: bool = True

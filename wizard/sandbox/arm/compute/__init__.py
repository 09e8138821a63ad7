"""Microsoft.Compute: availability sets, virtual machines, their disks and extensions, and what there is to choose from.

machines         one VM's life; osprofile, hardware, attachments and quota say what Azure refuses
power            start, stop, restart; runcommand, bootdiagnostics, patching: the other actions
view             what a machine is doing now
availability, disks, extensions, images, galleries, provider
"""

from __future__ import annotations

from wizard.sandbox.arm.compute.availability import AvailabilitySets
from wizard.sandbox.arm.compute.bootdiagnostics import SignedBlobs
from wizard.sandbox.arm.compute.disks import Disks
from wizard.sandbox.arm.compute.extensions import Extensions
from wizard.sandbox.arm.compute.galleries import Definitions, Galleries, Versions
from wizard.sandbox.arm.compute.images import Images
from wizard.sandbox.arm.compute.machines import VirtualMachines
from wizard.sandbox.arm.compute.provider import Compute
from wizard.sandbox.arm.compute.scale_sets import ScaleSets
from wizard.sandbox.arm.kind import Kind, Provider

KINDS: tuple[type[Kind], ...] = (
    *(AvailabilitySets, VirtualMachines, Extensions, Disks, ScaleSets),
    *(Images, Galleries, Definitions, Versions),
)
PROVIDERS: tuple[type[Provider], ...] = (Compute,)
OPEN_PROVIDERS: tuple[type[Provider], ...] = (SignedBlobs,)
"""Asked without a bearer token: the URL is signed."""

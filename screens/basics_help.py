"""What the fields of Basics mean."""

from __future__ import annotations

from screens.widgets.field import Help

GROUP = Help(
    "A resource group holds everything of this deployment: one of its own, or one that somebody made before.",
    "Groups cost nothing. Deleting a group deletes all that is in it.",
    "A new one: the deployment can be removed as a whole. An existing one where you may not make groups yourself.",
    "An existing group is never written to, tagged or deleted: Destroy removes what was put into it, and leaves it.",
)
NAME = Help(
    "The resource group: everything of this deployment lies in it, and commands know it by this name.",
    "1 to 90 letters, digits and - _ . ( ), no period at the end.",
    "A name that ends in -rg, so that one sees what it is.",
    "A group cannot be renamed: another name is another deployment.",
)
PREFIX = Help(
    "What all names in it begin with: PREFIX1 is a machine, PREFIX-vnet the network, PREFIX-lb the balancer.",
    "Letters, digits and hyphens; with its number, 15 characters on Windows (NetBIOS) and 64 on Linux.",
    "Short, and without the region: that is told by the group.",
    "Nothing in Azure can be renamed.",
)
REGION = Help(
    "Where the machines stand. The list comes from the cloud.",
    "A region has its own sizes, zones and quota. A resource in one region cannot be moved to another.",
    "The one nearest to those who use the page; look at sizes and quota there first.",
    "Moving means deploying again.",
)
SYSTEM = Help(
    "The operating system of all machines. Linux is signed in to over SSH, Windows over Remote Desktop (RDP).",
    "It decides images, user names, and how one signs in: Windows takes a password, Linux a key or a password.",
    "Linux: SSH with a key, nothing to license. Windows where the application needs it; its licence is in the price.",
    "It cannot be changed on a machine; a new one is made. What you answered for the other system is kept here.",
)

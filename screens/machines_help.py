"""What the fields about machines mean."""

from __future__ import annotations

from screens.widgets.field import Help

COUNT = Help(
    "How many VMs stand behind the balancer. ← and → change it.",
    "An availability set holds at most 200. The SLA of 99.95 % begins with two.",
    "Two for a page that must stay up; three if it must carry its load while one is down.",
    "More can be added later under the same names.",
)
SIZE = Help(
    "Cores and memory of each VM. Type in the list to search: “d2 v5”, “4 vcpu”.",
    "A size must be offered in the region, and its cores must be left in your quota.",
    "Standard_D2s_v5: two cores, steady speed. B sizes are cheaper and slow down when their credits are spent.",
    "It can be changed later; the VM restarts for it.",
)
IMAGE = Help(
    "The system that is on the disk at first.",
    "The image is taken in its latest version when the VM is made.",
    "Ubuntu 24.04 LTS: Azure patches it by itself, one update domain after the other.",
    "A VM keeps its system; another image means another VM.",
)
PLACEMENT = Help(
    "How Azure spreads the VMs over its hardware. An availability set keeps them in different racks of one datacenter.",
    "A VM joins its set when it is made, and never changes it.",
    "An availability set works in every region and with every size.",
    "It cannot be changed on VMs that are there.",
)
FAULT = Help(
    "Racks with their own power and switch. A rack that fails takes the VMs of one fault domain.",
    "1 to 3; many regions have 2.",
    "As many as the region has.",
    "The number belongs to the set and stays.",
)
UPDATE = Help(
    "Groups that planned maintenance restarts one after another, never two at a time.",
    "1 to 20; exactly 1 where there is one fault domain.",
    "5: with two VMs, one is always up.",
    "The number belongs to the set and stays.",
)
ADMIN = Help(
    "The user that is made on each VM, with the right to become root.",
    "Azure refuses the names that attackers try first: admin, root, user, ...",
    "azureuser, or a name of your own.",
    "Reset credentials can add another user; the first one stays until it is removed.",
)
AUTH = Help(
    "How the administrator signs in at first.",
    "With a key, password sign-in over SSH is off.",
    "A key: nobody can guess it, and nothing secret goes to Azure.",
    "Reset credentials changes either one later.",
)
KEY = Help(
    "The public half of a key pair; it is put on each VM. The private half stays with you.",
    "Ed25519, or RSA of 2048 bits or more.",
    "Your own key in ~/.ssh, or a new pair that is made here.",
    "Reset credentials puts another key beside it.",
)
PASSWORD = Help(
    "One password for all VMs. It stays in memory and goes to Azure with the request that makes a VM.",
    "12 to 72 characters with three of: lower case, upper case, digit, other; none that everybody tries first.",
    "Let one be made (^G), and change it after the deployment: Reset credentials does it with proof.",
    "It is written to no file: keep it yourself.",
)

"""What the fields about machines mean."""

from __future__ import annotations

from screens.widgets.field import Help

COUNT = Help(
    "How many VMs stand behind the balancer; of a scale set, at first. ← and → change it.",
    "An availability set holds at most 200, a scale set 1,000. Azure's promise begins with two.",
    "Two for a page that must stay up; three if it must carry its load while one is down.",
    "More can be added later under the same names, and taken again.",
)
SIZE = Help(
    "Cores and memory of each VM, and what one costs a month on Azure. Type in the list to search: “d2 v5”, “4 vcpu”.",
    "A size must be offered in the region, and its cores must be left in your quota.",
    "Standard_D2s_v5: two cores, steady speed. B sizes are cheaper and slow down when their credits are spent.",
    "It can be changed later; the VM restarts for it.",
)
IMAGE = Help(
    "The system that is on the disk at first: one of the list, one version of it (publisher:offer:sku:version), or a "
    "image of your own by its id: a managed one, or one in a gallery.",
    "An image of the list is taken in its latest version when a VM is made, and so is one in a gallery whose id names "
    "no version. One of your own must lie in the same region, or be copied to it.",
    "Ubuntu 24.04 LTS, or Windows Server 2022: Azure patches them by itself, one update domain after the other. An "
    "image of your own starts quicker than one that installs all at its first boot, but it is yours to keep up to "
    "date; extensions and cloud-init on a plain image are the other way.",
    "A VM keeps its system; another image means another VM.",
)
PLACEMENT = Help(
    "How Azure spreads the VMs over its hardware. An availability set: different racks of one datacenter. Zones: "
    "different datacenters of the region. A scale set: Azure makes, counts and replaces them by one description.",
    "A VM joins its set or its zone when it is made, and never changes it. Zones exist in some regions only, and not "
    "for every size.",
    "Zones where the region has them: 99.99 % instead of 99.95 %. An availability set works everywhere. A scale set "
    "where the number changes with the load; Microsoft recommends it for new deployments, and its sign-in ports are a "
    "range.",
    "It cannot be changed on VMs that are there.",
)
ZONES = Help(
    "Which of the region's zones the VMs go to, one after the other. Space turns the one under the cursor on or off.",
    "1, 2 and 3, as this region and this size have them. The public address is in all of them.",
    "All there are: any one of them can fail as a whole.",
    "A VM keeps its zone. Those that are added later go round the same zones.",
)
WORKLOAD = Help(
    "What the VMs serve: a page that names the one that answered, nothing, or what a cloud-init file of yours sets up "
    "beside that page.",
    "cloud-init runs at the first boot, Linux alone, 64 KB at most; whoever is on the VM can read it: no secrets. On "
    "Windows the page is served by IIS, which an extension sets up.",
    "The page to begin with: it proves that every VM answers and that the load is spread. With none, the probe never "
    "holds, and verification proves sign-ins and the network alone.",
    "It is set up once. Later changes are made on the VMs, or with new ones.",
)
SECURITY_TYPE = Help(
    "Trusted Launch starts only boot code that is signed (secure boot), and gives each VM a virtual TPM.",
    "It needs images and sizes of generation 2, and of your own images one in a gallery whose definition allows it. "
    "Managed images and unmanaged disks go without.",
    "auto: Trusted Launch with the images of the list, the standard type with your own.",
    "It belongs to the VM and stays; another one takes a new VM.",
)
ENCRYPTION = Help(
    "Encrypt what the host keeps of the disks too: caches, temporary disks, and the way to the storage.",
    "The size must support it, and the subscription must have the feature Microsoft.Compute/EncryptionAtHost. Disks "
    "themselves are always encrypted at rest.",
    "On where rules ask for it: it costs nothing, and no speed.",
    "It can be changed while the VM is stopped.",
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
    "The user that is made on each VM, with every right there.",
    "Azure refuses the names that attackers try first: admin, root, user, ... At most 32 characters, 20 on Windows.",
    "azureuser, or a name of your own.",
    "Reset credentials can add another user; the first one stays until it is removed.",
)
AUTH = Help(
    "How the administrator signs in at first.",
    "With a key, password sign-in over SSH is off. Windows takes a password alone.",
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
    "12 to 72 characters (123 on Windows) with three of: lower case, upper case, digit, other; none that everybody "
    "tries first.",
    "Let one be made (^G), and change it after the deployment: Reset credentials does it with proof.",
    "It is written to no file: keep it yourself.",
)

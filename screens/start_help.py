"""What the first screen's fields mean."""

from __future__ import annotations

from screens.widgets.field import Help

BEGIN = Help(
    "A new plan from our defaults, your last answers, a deployment that this computer knows, or a plan.toml.",
    "",
    "A new plan: every default deploys as it stands.",
    "Every answer can be changed in the steps that follow.",
)
KNOWN = Help(
    "Deployments made from this computer. Opening one shows what is there, and offers to verify, reset or remove it.",
    "What is there is always read from Azure; this computer keeps the name, the plan and when it was made.",
)
PLAN = Help(
    "A file that this wizard or `multivm-wizard plan new` wrote. → takes the completion that stands there dimmed.",
    "",
    "Keep plans beside the code they serve: they hold no secrets.",
)
CLOUD = Help(
    "Which Azure. The sandbox is a local Azure on this computer: its machines answer HTTP and SSH, nothing leaves it.",
    "Every other cloud needs a subscription and a sign-in. “other” is any Azure Resource Manager by its address.",
    "The sandbox first: the same steps, no account, no cost.",
    "The same plan deploys to another cloud by changing this one answer.",
)
ENDPOINT = Help(
    "The address of an Azure Resource Manager, such as an Azure Stack Hub's.",
    "https, with a host and nothing else; it tells by itself how to sign in.",
    "A certificate authority of your own is named by SSL_CERT_FILE.",
)
METHOD = Help(
    "How you prove who you are. Azure CLI uses the sign-in of `az login`; browser and device code Microsoft's page.",
    "You need the right to create resources: Contributor on the subscription.",
    "Azure CLI where it is signed in. Device code works over SSH, where no browser can open.",
    "Where you sign in says nothing about the deployment: anyone with the right may go on with it.",
)
TENANT = Help("The directory to sign in to: its id, or a domain such as contoso.onmicrosoft.com.", "Empty: your own.")
CLIENT = Help(
    "The application's id of the service principal (`az ad sp create-for-rbac` makes one), or of a managed identity.",
    "A managed identity works on machines in Azure only; empty means the machine's own.",
)
SECRET = Help(
    "The service principal's secret. It stays in memory, and goes through a pipe to the process that signs in.",
    "It is written to no file, and forgotten when the wizard ends.",
)
SUBSCRIPTION = Help(
    "Who pays, and whose quota counts. The list comes from the cloud after the sign-in.",
    "A resource group lies in one subscription.",
    "One for trials, apart from what people depend on.",
)

"""What a Windows VM itself says its Remote Desktop certificate is, asked through Run Command.

Nobody vouches for a certificate that a machine makes for itself, so whoever answers at a NAT port must show the very
one that the VM tells of before anything is sent to it that authenticates. It is kept per VM as SSH host keys are, in
HOME/deployments/NAME/rdp_certificates.json.
"""

from __future__ import annotations

import base64
import binascii
import re

from wizard import ids
from wizard.errors import WizardError
from wizard.verify import hostkeys, rdp, rdp_login
from wizard.verify.ssh import LoginResult

SCRIPT = (
    "$name = 'root/cimv2/TerminalServices'",
    "$setting = Get-CimInstance -Namespace $name -ClassName Win32_TSGeneralSetting -Filter \"TerminalName='RDP-Tcp'\"",
    "$thumbprint = $setting.SSLCertificateSHA1Hash",
    "Get-ChildItem -Path Cert:\\LocalMachine -Recurse | Where-Object { $_.Thumbprint -eq $thumbprint } | "
    "Select-Object -First 1 | ForEach-Object { 'certificate ' + [Convert]::ToBase64String($_.RawData) }",
)
"""Prints the certificate that the listener is set to use; some 1,100 characters of the 4,096 that come back."""

_LINE = re.compile(r"^certificate ([A-Za-z0-9+/]+={0,2})\s*$", re.MULTILINE)


class Certificates(hostkeys.HostKeys):
    """The pins of one deployment's Windows VMs. A renewed certificate (Windows' own last half a year) is asked anew."""

    file = "rdp_certificates.json"

    async def meet(self, host: str, port: int) -> LoginResult:
        return await rdp_login.meet(host, port)

    async def ask(self, vm_id: str) -> tuple[list[str], str]:
        message = await hostkeys.run_script(self.azure, vm_id, SCRIPT, hostkeys.POWERSHELL)
        if told := fingerprints(message):
            return told, "run-command"
        raise WizardError(
            f"{ids.parse(vm_id).name} told no Remote Desktop certificate.",
            "Run Command answered without one.",
            "Look at the VM: does Remote Desktop Services run?",
        )


def fingerprints(message: str) -> list[str]:
    """`SHA256:AA:BB...` of the certificates in what Run Command reports."""
    output = (message.partition("[stdout]")[2] or message).partition("[stderr]")[0]
    found = []
    for encoded in _LINE.findall(output):
        try:
            found.append(f"SHA256:{rdp.read_certificate(base64.b64decode(encoded, validate=True)).sha256}")
        except (binascii.Error, ValueError):  # cut off in the middle
            continue
    return found

"""Windows machines: their disk and accounts, boot, IIS, Remote Desktop, and the PowerShell that configures them."""

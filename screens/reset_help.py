"""What F1 says on the reset screen."""

from __future__ import annotations

from screens.widgets.field import Help

_PASSWORD = Help(
    "The user's new password, one for all chosen VMs.",
    "12 to 72 characters with three of: lower case, upper case, digit, other.",
    "Let one be made (^G) and keep it in a password manager.",
    "On Windows the account is enabled and Remote Desktop let in, too.",
)
HELP = {
    "mode": Help(
        "What VMAccess, the extension that the portal's blade uses too, does on each VM.",
        "It writes the user's password or adds a key; a user that is missing is made, with sudo.",
        "Reset the password right after a deployment that was made with one.",
        "A key takes no password away.",
    ),
    "user": Help(
        "Whose credential is reset.",
        "A name that the VM does not know becomes a second administrator.",
        "Take the administrator the VM was made with.",
    ),
    "secret.reset_new": _PASSWORD,
    "secret.reset_old": Help(
        "The password that holds now.",
        "Azure does not ask for it.",
        "Give it, so that we can try it before and prove afterwards that it is refused.",
        "Left out, the reset works, but its proof has a gap and says so.",
    ),
    "ssh_key": Help(
        "The public half of a key pair, one line.",
        "Azure takes Ed25519, and RSA of 2048 bits or more.",
        "Ed25519. Its private half proves the login if it is in the wizard's own key folder.",
    ),
}

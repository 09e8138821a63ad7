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
        "A password or a key for a user (a user that is missing is made, with sudo), the system's own configuration of "
        "SSH or Remote Desktop, or the removal of a user.",
        "Reset the password right after a deployment that was made with one.",
        "A key takes no password away.",
    ),
    "user": Help(
        "Whose credential is reset; with the configuration: who tries the login afterwards.",
        "A name that the VM does not know becomes a second administrator.",
        "Take the administrator the VM was made with.",
    ),
    "leaver": Help(
        "The user who is to sign in no more.",
        "The home folder stays. What runs as this user may end.",
        "The former administrator, once another one is proved to get in.",
    ),
    "secret.run_new": _PASSWORD,
    "secret.run_again": _PASSWORD,
    "secret.reset_old": Help(
        "The password that holds now.",
        "Azure does not ask for it.",
        "Give it, so that we can try it before and prove afterwards that it is refused.",
        "Left out, the reset works, but its proof has a gap and says so.",
    ),
    "secret.reset_present": Help(
        "A password that holds now.",
        "Azure does not ask for it: it is how we see that somebody is let in again.",
        "Give it, or a key below. Our own key pair is tried by itself.",
    ),
    "secret.reset_stays": Help(
        "The password of an administrator who stays.",
        "Azure does not ask for it. We remove nobody unless somebody else is seen to get in.",
        "Give it, or a key below. Our own key pair is tried by itself.",
    ),
    "ssh_key": Help(
        "The public half of a key pair: from the list, or pasted here.",
        "Azure takes Ed25519, and RSA of 2048 bits or more.",
        "Ed25519. Its private half proves the login.",
    ),
    "replace_keys": Help(
        "Whether the key is added to those of the user, or takes the place of all of them.",
        "VMAccess adds keys. To replace them, the user's list is emptied first.",
        "Replace where a key was lost or somebody has left.",
        "Keys that this computer knows nothing of stop working, too.",
    ),
    "identity": Help(
        "A private key on this computer that proves the login. It is read here, and never sent.",
        "",
        "Leave it empty for our own pair, and for a key from the list whose private half lies beside it.",
    ),
    "force": Help(
        "Remove the user even where nobody else is seen to get in.",
        "A VM that nobody can sign in to is mended by another reset alone.",
        "Leave it off.",
    ),
}

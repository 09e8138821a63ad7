"""What else gets in after a reset: tried where we hold the credential, named where we only know that it exists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from pydantic import SecretStr

from wizard.reset.events import Mode
from wizard.reset.history import Logins
from wizard.verify.ssh import Credential, LoginResult

Try = Callable[[str, Credential], Awaitable[LoginResult]]


async def remaining(
    logins: Logins,
    user: str,
    mode: Mode,
    *,
    our_key: Path | None,
    old: SecretStr | None,
    login: Try,
    replaced: bool = False,
) -> tuple[str, ...]:
    """Logins beside the new one, such as "azureuser (SSH key)"; "not tried" stands by those that could not be.

    `logins` is what was known before this reset. `our_key` is the private half of the key that the VM was made with,
    unless it is what was just added; `old` is the password that was given as the old one. `replaced` says that the
    user's other keys were to be taken away: whether they were is the proof's to say.
    """
    found: list[str] = []
    for who in (user, *logins.other_users(user)):
        reset_now = mode == "password" and who == user
        if logins.had_password(who) and not reset_now:
            let_in = old is not None and (await login(who, old)).ok
            found.append(f"{who} (password)" if let_in else f"{who} (password, not tried)")
        if replaced and who == user:
            continue
        if our_key is not None:
            if (await login(who, our_key)).ok:
                found.append(f"{who} (SSH key)")
        elif logins.has_first_key(who) and mode == "password":
            found.append(f"{who} (SSH key, not tried)")
        found += [f"{who} (SSH key added {entry.at[:10]}, not tried)" for entry in logins.keys_added(who)]
    return tuple(dict.fromkeys(found))

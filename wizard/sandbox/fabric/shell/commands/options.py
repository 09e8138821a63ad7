"""Reading a command line in the way getopt does, as far as the programs here need it."""

from __future__ import annotations


class UsageError(Exception):
    """An option nobody knows; the message is what the program prints after its name."""


def read(  # noqa: PLR0912 - a small state machine, read best in one piece
    args: list[str], flags: str, valued: str = "", long: tuple[str, ...] = ()
) -> tuple[dict[str, str], list[str]]:
    """Options and operands of `args` (without the program's name).

    `flags` and `valued` are letters; `long` names of long options, with `=` at the end where they take a value. Long
    ones come back under their name, flags with the value "".
    """
    found: dict[str, str] = {}
    operands: list[str] = []
    takes = {name.rstrip("="): name.endswith("=") for name in long}
    index = 0
    while index < len(args):
        one = args[index]
        index += 1
        if one == "--":
            operands += args[index:]
            break
        if one.startswith("--"):
            name, equals, value = one[2:].partition("=")
            if name not in takes:
                raise UsageError(f"unrecognized option '{one}'")
            if takes[name] and not equals:
                if index >= len(args):
                    raise UsageError(f"option '{one}' requires an argument")
                value = args[index]
                index += 1
            found[name] = value
        elif one.startswith("-") and len(one) > 1:
            rest = one[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                if letter in valued:
                    if not rest:
                        if index >= len(args):
                            raise UsageError(f"option requires an argument -- '{letter}'")
                        rest = args[index]
                        index += 1
                    found[letter], rest = rest, ""
                elif letter in flags:
                    found[letter] = ""
                else:
                    raise UsageError(f"invalid option -- '{letter}'")
        else:
            operands.append(one)
    return found, operands

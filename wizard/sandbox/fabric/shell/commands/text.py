"""Programs that work on lines of text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from wizard.sandbox.fabric.shell.commands import options
from wizard.sandbox.fabric.shell.interpreter import Call, command


async def _input(call: Call, names: list[str]) -> str:
    """The files' text, or standard input."""
    pieces = [await call.stdin.read() if name == "-" else call.shell.read_file(name) for name in names or ["-"]]
    return "".join(pieces)


@command("head", "tail")
async def head(call: Call) -> int:
    args = ["-n" + one[1:] if re.fullmatch(r"-\d+", one) else one for one in call.args[1:]]
    try:
        given, names = options.read(args, "fFq", "nc", ("lines=", "bytes="))
    except options.UsageError as problem:
        return call.fail(str(problem))
    text, first = await _input(call, names), call.args[0] == "head"
    count = given.get("c", given.get("bytes")) or given.get("n", given.get("lines", "10"))
    if not re.fullmatch(r"[-+]?\d+", count):
        return call.fail(f"invalid number of lines: '{count}'")
    number = int(count)
    units: list[str] = list(text) if given.keys() & {"c", "bytes"} else text.splitlines(keepends=True)
    if first:
        chosen = units[:number]
    elif count.startswith("+"):
        chosen = units[max(0, number - 1) :]
    else:
        chosen = units[-abs(number) :] if number else []
    call.out("".join(chosen))
    return 0


@command("grep", "egrep", "fgrep")
async def grep(call: Call) -> int:  # noqa: PLR0912 - one program's many switches
    try:
        given, names = options.read(call.args[1:], "ivcqnEFowlshrHxP", "em", ("color=", "quiet", "ignore-case"))
    except options.UsageError as problem:
        return call.fail(str(problem), 2)
    if "e" in given:
        pattern = given["e"]
    elif names:
        pattern = names.pop(0)
    else:
        return call.fail("usage: grep [OPTION]... PATTERNS [FILE]...", 2)
    if "F" in given or call.args[0] == "fgrep":
        pattern = re.escape(pattern)
    elif not (given.keys() & {"E", "P"} or call.args[0] == "egrep"):
        # Basic expressions: + ? | ( ) { } are plain unless a backslash makes them special.
        pattern = re.sub(
            r"\\?[+?|(){}]", lambda match: match[0][1:] if match[0][0] == "\\" else "\\" + match[0], pattern
        )
    pattern = re.sub(r"\[:(\w+):\]", lambda match: _CLASSES.get(match[1], ""), pattern)
    if "w" in given:
        pattern = rf"\b(?:{pattern})\b"
    if "x" in given:
        pattern = f"^(?:{pattern})$"
    try:
        expression = re.compile(pattern, re.IGNORECASE if given.keys() & {"i", "ignore-case"} else 0)
    except re.error as problem:
        return call.fail(str(problem), 2)
    quiet, matched, failed = bool(given.keys() & {"q", "quiet"}), 0, False
    for name in names or ["-"]:
        try:
            text = await _input(call, [name])
        except OSError as problem:
            failed = True
            if "s" not in given:
                call.fail(str(problem))
            continue
        lines = [(number, line) for number, line in enumerate(text.splitlines(), 1)
                 if (expression.search(line) is None) == ("v" in given)][: int(given.get("m", "1000000"))]  # fmt: skip
        matched += len(lines)
        label = f"{name}:" if (len(names) > 1 or "H" in given) and "h" not in given else ""
        if quiet:
            continue
        if "c" in given:
            call.out(f"{label}{len(lines)}\n")
        elif "l" in given:
            call.out(f"{name}\n" if lines else "")
        else:
            for number, line in lines:
                found = [match[0] for match in expression.finditer(line)] if "o" in given else [line]
                call.out("".join(f"{label}{f'{number}:' if 'n' in given else ''}{one}\n" for one in found))
    return 0 if matched else 2 if failed else 1


_CLASSES = {"digit": "0-9", "alpha": "a-zA-Z", "alnum": "a-zA-Z0-9", "space": r"\s", "lower": "a-z", "upper": "A-Z",
            "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9a-fA-F", "blank": " \t"}  # fmt: skip


@command("wc")
async def wc(call: Call) -> int:
    flags = "".join(one[1:] for one in call.args[1:] if one.startswith("-") and len(one) > 1)
    names = [one for one in call.args[1:] if not one.startswith("-")]
    text = await _input(call, names)
    counts = {"l": text.count("\n"), "w": len(text.split()), "c": len(text.encode("utf-8", "replace")), "m": len(text)}
    chosen = [counts[one] for one in "lwmc" if one in flags] or [counts["l"], counts["w"], counts["c"]]
    label = f" {names[0]}" if names else ""
    call.out(" ".join(str(one) for one in chosen) + f"{label}\n")
    return 0


@command("cut")
async def cut(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "s", "dfc", ("delimiter=", "fields=", "output-delimiter="))
    except options.UsageError as problem:
        return call.fail(str(problem))
    sign, spans = given.get("d", given.get("delimiter", "\t")), given.get("f", given.get("fields", given.get("c", "")))
    if not spans or not sign:
        return call.fail("you must specify a list of bytes, characters, or fields")
    ranges: list[tuple[int, int]] = []
    for one in spans.split(","):
        low, dash, high = one.partition("-")
        if not (low + high).isdigit():
            return call.fail("invalid field range")
        ranges.append((int(low or 1), int(high or 100_000) if dash else int(low)))
    joiner = "" if "c" in given else given.get("output-delimiter", sign)
    for line in (await _input(call, names)).splitlines():
        units = list(line) if "c" in given else line.split(sign)
        if len(units) == 1 and "c" not in given:
            call.out("" if "s" in given else f"{line}\n")
            continue
        kept = [one for index, one in enumerate(units, 1) if any(low <= index <= high for low, high in ranges)]
        call.out(joiner.join(kept) + "\n")
    return 0


@command("sort", "uniq", "tac", "rev", "nl")
async def sort(call: Call) -> int:
    flags = "".join(one[1:] for one in call.args[1:] if one.startswith("-"))
    lines = (await _input(call, [one for one in call.args[1:] if not one.startswith("-")])).splitlines()
    match call.args[0]:
        case "sort":
            lines.sort(key=(lambda line: (_leading(line), line)) if "n" in flags else str, reverse="r" in flags)
            if "u" in flags:
                lines = list(dict.fromkeys(lines))
        case "uniq":
            runs: list[tuple[str, int]] = []
            for line in lines:
                if runs and runs[-1][0] == line:
                    runs[-1] = (line, runs[-1][1] + 1)
                else:
                    runs.append((line, 1))
            lines = [
                f"{count:>7} {line}" if "c" in flags else line for line, count in runs if "d" not in flags or count > 1
            ]
        case "tac":
            lines.reverse()
        case "rev":
            lines = [line[::-1] for line in lines]
        case "nl":
            lines = [f"{number:>6}\t{line}" for number, line in enumerate(lines, 1)]
    call.out("".join(f"{line}\n" for line in lines))
    return 0


def _leading(line: str) -> float:
    match = re.match(r"\s*(-?\d+(?:\.\d+)?)", line)
    return float(match[1]) if match else 0.0


@command("tr")
async def tr(call: Call) -> int:
    flags = "".join(one[1:] for one in call.args[1:] if re.fullmatch(r"-[dscC]+", one))
    sets = [_set(one) for one in call.args[1:] if not re.fullmatch(r"-[dscC]+", one)]
    text = await call.stdin.read()
    if not sets:
        return call.fail("missing operand")
    complement = "c" in flags.lower()

    def inside(char: str) -> bool:
        return (char in sets[0]) != complement

    if "d" in flags:
        text = "".join(char for char in text if not inside(char))
    elif len(sets) > 1 and sets[1]:
        filler = sets[1][-1]
        table = {one: sets[1][index] if index < len(sets[1]) else filler for index, one in enumerate(sets[0])}
        text = "".join((filler if "c" in flags.lower() else table.get(char, filler)) if inside(char) else char
                       for char in text)  # fmt: skip
    if "s" in flags:
        squeezed = sets[-1]
        text = "".join(char for index, char in enumerate(text)
                       if not (index and char == text[index - 1] and char in squeezed))  # fmt: skip
    call.out(text)
    return 0


def _set(text: str) -> str:
    from wizard.sandbox.fabric.shell.commands.builtins import unescape

    named = {"lower": "abcdefghijklmnopqrstuvwxyz", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "digit": "0123456789",
             "space": " \t\n\r\v\f"}  # fmt: skip
    text = re.sub(r"\[:(\w+):\]", lambda match: named.get(match[1], ""), unescape(text))
    return re.sub(
        r"(.)-(.)", lambda match: "".join(chr(code) for code in range(ord(match[1]), ord(match[2]) + 1)), text
    )


_SUBSTITUTE = re.compile(r"^(?:(?P<line>\d+|\$)|/(?P<address>(?:\\.|[^/])*)/)?s(?P<sign>.)(?P<rest>.*)$", re.DOTALL)


@command("sed")
async def sed(call: Call) -> int:
    try:
        given, names = options.read(call.args[1:], "nErs", "ei", ("expression=", "in-place"))
    except options.UsageError:
        # -i takes its suffix only when it is glued on: nearly every script writes it alone
        args = [one for one in call.args[1:] if not one.startswith("-i")]
        given, names = options.read(args, "nErs", "e")
        given["i"] = ""
    if given.get("i"):
        names.insert(0, given["i"])
    script = given.get("e", given.get("expression")) or (names.pop(0) if names else "")
    for name in names if "i" in given else [""]:
        text = call.shell.read_file(name) if name else await _input(call, names)
        try:
            made = _edit(text, script, quiet="n" in given, extended=bool(given.keys() & {"E", "r"}))
        except (re.error, ValueError):
            return call.fail(f"-e expression #1, char {len(script)}: unknown command")
        if name:
            call.shell.check(call.shell.path(name), 2)
            call.machine.guest.disk.write(call.shell.path(name), made)
        else:
            call.out(made)
    return 0


def _edit(text: str, script: str, *, quiet: bool, extended: bool) -> str:
    lines = text.splitlines(keepends=True)
    for one in [part.strip() for part in re.split(r";(?=\s*(?:s|\d|/|\$))|\n", script) if part.strip()]:
        if span := re.fullmatch(r"(\d+)(?:,(\d+|\$))?([pd])", one):
            low, high = int(span[1]), len(lines) if span[2] == "$" else int(span[2] or span[1])
            inside = [low <= index <= high for index in range(1, len(lines) + 1)]
        elif found := re.fullmatch(r"/((?:\\.|[^/])*)/([pd])", one):
            inside = [re.search(_expression(found[1], extended), line) is not None for line in lines]
            span = found
        else:
            lines = _substitute(lines, one, extended)
            continue
        keep = (one[-1] == "p") if quiet or one[-1] == "p" else False
        lines = [line for line, chosen in zip(lines, inside, strict=True) if chosen == keep]
    return "".join(lines)


def _expression(pattern: str, extended: bool) -> str:
    if extended:
        return pattern
    return re.sub(r"\\?[+?|(){}]", lambda match: match[0][1:] if match[0][0] == "\\" else "\\" + match[0], pattern)


def _substitute(lines: list[str], one: str, extended: bool) -> list[str]:
    match = _SUBSTITUTE.match(one)
    if match is None:
        raise ValueError
    pieces = re.split(rf"(?<!\\){re.escape(match['sign'])}", match["rest"])
    if len(pieces) != 3:
        raise ValueError
    pattern, replacement, flags = pieces
    sign = match["sign"]
    pattern = _expression(pattern.replace("\\" + sign, sign), extended)
    replacement = replacement.replace("\\" + sign, sign)
    expression = re.compile(pattern, re.IGNORECASE if "i" in flags.lower() else 0)
    made = re.sub(r"(?<!\\)&", r"\\g<0>", replacement).replace("\\&", "&").replace("\\n", "\n")
    result = []
    for index, line in enumerate(lines, 1):
        body, end = (line[:-1], "\n") if line.endswith("\n") else (line, "")
        address = match["address"]
        here = address is None or re.search(_expression(address, extended), body) is not None
        if match["line"] is not None:
            here = index == (len(lines) if match["line"] == "$" else int(match["line"]))
        result.append((expression.sub(made, body, count=0 if "g" in flags else 1) if here else body) + end)
    return result


@command("awk")
async def awk(call: Call) -> int:
    """`{print $N}` with -F and an optional /pattern/: what scripts mostly ask of it."""
    args, sign = call.args[1:], None
    while args and args[0].startswith("-F"):
        sign = args[0][2:] or args[1]
        args = args[1 if args[0][2:] else 2 :]
    match = re.fullmatch(r"\s*(?:/(.*)/)?\s*(?:\{\s*print\s*(.*?)\s*;?\s*\})?\s*", args[0] if args else "", re.DOTALL)
    if match is None:
        return call.fail("this machine's awk knows only patterns and print", 2)
    for number, line in enumerate((await _input(call, args[1:])).splitlines(), 1):
        if match[1] and not re.search(match[1], line):
            continue
        words = line.split(sign)
        values = {"$0": line, "NR": str(number), "NF": str(len(words)), "$NF": words[-1] if words else ""}
        values |= {f"${index}": word for index, word in enumerate(words, 1)}
        printed = []
        for item in re.split(r"\s*,\s*", match[2] or "$0"):
            tokens = re.findall(r'"[^"]*"|\$\w+|\w+', item)
            printed.append("".join(one[1:-1] if one[0] == '"' else values.get(one, "") for one in tokens))
        call.out(" ".join(printed) + "\n")
    return 0


@command("seq")
async def seq(call: Call) -> int:
    numbers = [one for one in call.args[1:] if one.lstrip("-").isdigit()]
    if not numbers or len(numbers) != len(call.args) - 1:
        return call.fail("invalid or missing operand")
    low = int(numbers[0]) if len(numbers) > 1 else 1
    step = int(numbers[1]) if len(numbers) > 2 else 1
    high = int(numbers[-1])
    if step == 0 or abs(high - low) > 100_000:
        return call.fail("invalid increment or too many numbers")
    call.out("".join(f"{number}\n" for number in range(low, high + (1 if step > 0 else -1), step)))
    return 0


@command("base64")
async def base64_(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")]
    decode = any(one in ("-d", "--decode") for one in call.args[1:])
    text = await _input(call, [one for one in names if not one.isdigit()])
    try:
        call.out(
            base64.b64decode(text).decode("utf-8", "replace")
            if decode
            else base64.b64encode(text.encode("utf-8", "surrogateescape")).decode() + "\n"
        )
    except ValueError:
        return call.fail("invalid input")
    return 0


@command("sha256sum", "md5sum", "sha1sum")
async def checksum(call: Call) -> int:
    names = [one for one in call.args[1:] if not one.startswith("-")]
    for name in names or ["-"]:
        text = (await _input(call, [name])).encode("utf-8", "surrogateescape")
        digest = hashlib.new(call.args[0].removesuffix("sum"), text, usedforsecurity=False)
        call.out(f"{digest.hexdigest()}  {name}\n")
    return 0


@command("xargs")
async def xargs(call: Call) -> int:
    args = call.args[1:]
    while args and args[0].startswith("-"):
        args = args[2:] if args[0] in ("-n", "-I", "-P", "-d") else args[1:]
    words = (await call.stdin.read()).split()
    return await call.shell.call([*(args or ["echo"]), *words], call.stdin, call.out, call.error)


@command("jq")
async def jq(call: Call) -> int:
    """Paths such as `.a.b`; anything else is refused."""
    if "jq" not in call.machine.guest.record["packages"]:
        call.error(f"bash: line {call.shell.line}: jq: command not found\n")
        return 127
    raw = "-r" in call.args
    rest = [one for one in call.args[1:] if not one.startswith("-")]
    if not rest or not re.fullmatch(r"\.[\w.]*", rest[0]):
        return call.fail("this machine's jq knows only paths", 3)
    try:
        value = json.loads(await _input(call, rest[1:]))
        for key in [one for one in rest[0].split(".") if one]:
            value = value.get(key) if isinstance(value, dict) else None
    except ValueError as problem:
        return call.fail(f"parse error: {problem}", 2)
    call.out((value if raw and isinstance(value, str) else json.dumps(value, indent=2)) + "\n")
    return 0

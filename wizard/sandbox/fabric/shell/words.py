"""A script's words and operators, and the pieces that expansion will fill in."""

from __future__ import annotations

from dataclasses import dataclass

_OPERATORS = ("<<-", "<<", "2>&1", "&&", "||", ";;", ">>", ">&", "<&", "&>", ";", "|", "&", ">", "<", "(", ")", "\n")


class ShellSyntaxError(Exception):
    """The text is no script; the message is what bash would say."""


@dataclass(frozen=True)
class Part:
    """A piece of a word: literal text, a parameter, a command or an arithmetic substitution."""

    kind: str  # text, parameter, command, arithmetic
    value: str
    quoted: bool


@dataclass(frozen=True)
class Word:
    parts: tuple[Part, ...]
    raw: str  # as written: what reserved words and assignments are told by


Token = tuple[str, Word | None]  # operator and None, or "word" and the word


class Lexer:
    """Words and operators of a script."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").replace("\\\n", "")
        self.at = 0
        self.tokens: list[Token] = []
        self._documents: list[tuple[int, str, bool, bool]] = []  # token index, end mark, expands, strips tabs
        self._run()

    def _run(self) -> None:
        text = self.text
        while self.at < len(text):
            char = text[self.at]
            if char in " \t":
                self.at += 1
            elif char == "#":
                end = text.find("\n", self.at)
                self.at = len(text) if end < 0 else end
            elif operator := self._operator():
                self.at += len(operator)
                self.tokens.append((operator, None))
                if operator == "\n":
                    self._here_documents()
            else:
                self._take_word()
        self._here_documents()

    def _operator(self) -> str:
        for one in _OPERATORS:
            if self.text.startswith(one, self.at):
                return one
        # A number right before a redirection names the descriptor: 2>file
        if self.text[self.at] in "012" and self.text[self.at + 1 : self.at + 2] in (">", "<"):
            for one in (">>", ">&", ">", "<"):
                if self.text.startswith(one, self.at + 1):
                    return self.text[self.at] + one
        return ""

    def _take_word(self) -> None:
        word = self.word()
        previous = self.tokens[-1][0] if self.tokens else ""
        if previous in ("<<", "<<-"):
            quoted = any(part.quoted for part in word.parts)
            mark = "".join(part.value for part in word.parts)
            self._documents.append((len(self.tokens), mark, not quoted, previous == "<<-"))
        self.tokens.append(("word", word))

    def _here_documents(self) -> None:
        for index, mark, expands, strips in self._documents:
            lines: list[str] = []
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line = self.text[self.at : end]
                self.at = end + 1
                if strips:
                    line = line.lstrip("\t")
                if line == mark:
                    break
                lines.append(line + "\n")
            content = "".join(lines)
            parts = parse_double(content) if expands else (Part("text", content, True),)
            self.tokens[index] = ("word", Word(parts, ""))
        self._documents = []

    def word(self) -> Word:
        start, text = self.at, self.text
        parts: list[Part] = []
        plain: list[str] = []

        def flush() -> None:
            if plain:
                parts.append(Part("text", "".join(plain), False))
                plain.clear()

        while self.at < len(text) and text[self.at] not in " \t\n;|&<>()":
            char = text[self.at]
            if char == "\\":
                flush()
                parts.append(Part("text", text[self.at + 1 : self.at + 2], True))
                self.at += 2
            elif char == "'":
                flush()
                end = text.find("'", self.at + 1)
                if end < 0:
                    raise ShellSyntaxError("unexpected EOF while looking for matching `''")
                parts.append(Part("text", text[self.at + 1 : end], True))
                self.at = end + 1
            elif char == '"':
                flush()
                end = _closing_quote(text, self.at)
                parts += parse_double(text[self.at + 1 : end]) or (Part("text", "", True),)
                self.at = end + 1
            elif char in "$`":
                flush()
                part, self.at = _substitution(text, self.at, quoted=False)
                parts.append(part)
            else:
                plain.append(char)
                self.at += 1
        flush()
        return Word(tuple(parts), text[start : self.at])


def _closing_quote(text: str, start: int) -> int:
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            return at
        elif text.startswith("$(", at):
            at = _closing(text, at + 1, "(", ")") + 1
        else:
            at += 1
    raise ShellSyntaxError("unexpected EOF while looking for matching `\"'")


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    """Where the bracket that opens at `start` closes, quotes respected."""
    depth, at = 0, start
    while at < len(text):
        char = text[at]
        if char == "\\":
            at += 1
        elif char == "'":
            at = text.find("'", at + 1)
            if at < 0:
                break
        elif char == '"':
            at = _closing_quote(text, at)
        elif char == opening:
            depth += 1
        elif char == closing:
            depth -= 1
            if not depth:
                return at
        at += 1
    raise ShellSyntaxError(f"unexpected EOF while looking for matching `{closing}'")


def _substitution(text: str, at: int, *, quoted: bool) -> tuple[Part, int]:
    """The `$` or backquote at `at`, and where the text goes on."""
    if text[at] == "`":
        end = text.find("`", at + 1)
        if end < 0:
            raise ShellSyntaxError("unexpected EOF while looking for matching ``'")
        return Part("command", text[at + 1 : end], quoted), end + 1
    if text.startswith("$((", at):
        end = _closing(text, at + 1, "(", ")")
        if text[end - 1] == ")":
            return Part("arithmetic", text[at + 3 : end - 1], quoted), end + 1
    if text.startswith("$(", at):
        end = _closing(text, at + 1, "(", ")")
        return Part("command", text[at + 2 : end], quoted), end + 1
    if text.startswith("${", at):
        end = _closing(text, at + 1, "{", "}")
        return Part("parameter", text[at + 2 : end], quoted), end + 1
    end = at + 1
    if end < len(text) and text[end] in "?$#@*!-0123456789":
        return Part("parameter", text[end], quoted), end + 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    if end == at + 1:
        return Part("text", "$", quoted), end
    return Part("parameter", text[at + 1 : end], quoted), end


def parse_double(text: str) -> tuple[Part, ...]:
    """What stands between double quotes, or in a here-document that expands."""
    parts: list[Part] = []
    plain: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] in ("$", "`", '"', "\\", "\n"):
            plain.append("" if text[at + 1] == "\n" else text[at + 1])
            at += 2
        elif char in "$`":
            if plain:
                parts.append(Part("text", "".join(plain), True))
                plain = []
            part, at = _substitution(text, at, quoted=True)
            parts.append(part)
        else:
            plain.append(char)
            at += 1
    if plain:
        parts.append(Part("text", "".join(plain), True))
    return tuple(parts)

"""Reads a script into its syntax: expressions where a value may stand, commands everywhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from wizard.sandbox.fabric.windows.powershell.syntax import (
    Assign,
    Block,
    Cast,
    Command,
    Expression,
    ForEach,
    Group,
    If,
    Item,
    Leave,
    Literal,
    Member,
    NotUnderstood,
    Operation,
    Parameter,
    Pipeline,
    Several,
    Statement,
    Static,
    Text,
    Try,
    Variable,
)

_VARIABLE = re.compile(r"\$(?:\{([^}]+)\}|((?:env|global|script):\w+|\w+|\?))", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"\$((?:env|global|script):\w+|\w+)[ \t]*(\+?=)(?!=)", re.IGNORECASE)
_OPERATORS = (
    {"-and", "-or"},
    {"-eq", "-ne", "-ieq", "-ceq", "-like", "-notlike", "-match", "-notmatch", "-gt", "-ge", "-lt", "-le", "-contains"},
    {"+", "-"},
)
_KEYWORDS = frozenset(("if", "try", "foreach", "exit", "return", "throw"))
_FOREIGN = frozenset(
    ("for", "while", "do", "switch", "function", "param", "class", "trap", "begin", "process", "filter")
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "0": "\0", "a": "\a", "b": "\b"}
_BARE_END = " \t\r\n;|)}({,"


def read(text: str) -> tuple[Statement, ...]:
    """The script's statements. Raises NotUnderstood for what cannot be read, before anything of it has run."""
    reader = _Reader(text.replace("\r\n", "\n"))
    body = reader.statements()
    if reader.rest():
        raise reader.lost()
    return body


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        return self._text[self._at :]

    def lost(self, what: str = "") -> NotUnderstood:
        line = self._text.count("\n", 0, self._at) + 1
        near = self._text[self._at : self._at + 30].split("\n")[0]
        return NotUnderstood(f"line {line}: {what or 'this is not understood'}: {near!r}")

    # Characters

    def _blanks(self, lines: bool = False) -> None:
        """Pass over blanks and comments, and over line ends when `lines`."""
        while True:
            found = re.compile(r"[ \t]+|`\n|<#.*?#>|#[^\n]*", re.DOTALL).match(self._text, self._at)
            if found:
                self._at = found.end()
            elif lines and self._text[self._at : self._at + 1] in ("\n", ";"):
                self._at += 1
            else:
                return

    def _sees(self, *words: str) -> bool:
        return any(self._text.startswith(word, self._at) for word in words)

    def _takes(self, word: str) -> bool:
        if self._sees(word):
            self._at += len(word)
            return True
        return False

    def _needs(self, word: str) -> None:
        self._blanks(lines=True)
        if not self._takes(word):
            raise self.lost(f"{word} is missing")

    def _word(self) -> str:
        found = re.compile(r"[A-Za-z]+(?![\w.-])").match(self._text, self._at)
        return found[0].lower() if found else ""

    # Statements

    def statements(self) -> tuple[Statement, ...]:
        """Until the end, or a closing bracket that is left for whoever opened it."""
        found: list[Statement] = []
        while True:
            self._blanks(lines=True)
            if not self.rest() or self._sees("}", ")"):
                return tuple(found)
            found.append(self._statement())
            self._blanks()
            if self.rest() and not self._sees("\n", ";", "}", ")"):
                raise self.lost()

    def _statement(self) -> Statement:
        word = self._word()
        if word in _FOREIGN:
            raise self.lost(f"{word} is not known here")
        if word in _KEYWORDS:
            self._at += len(word)
            return getattr(self, f"_{word}")() if word in ("if", "try", "foreach") else self._leave(word)
        if found := _ASSIGNMENT.match(self._text, self._at):
            self._at = found.end()
            self._blanks()
            return Assign(found[1].lower(), self._pipeline(), adds=found[2] == "+=")
        return self._pipeline()

    def _block(self) -> tuple[Statement, ...]:
        self._needs("{")
        body = self.statements()
        self._needs("}")
        return body

    def _condition(self) -> Pipeline:
        self._needs("(")
        self._blanks(lines=True)
        found = self._pipeline()
        self._needs(")")
        return found

    def _if(self) -> If:
        branches = [(self._condition(), self._block())]
        otherwise: tuple[Statement, ...] = ()
        while True:
            here = self._at
            self._blanks(lines=True)
            word = self._word()
            if word == "elseif":
                self._at += len(word)
                branches.append((self._condition(), self._block()))
            elif word == "else":
                self._at += len(word)
                otherwise = self._block()
                return If(tuple(branches), otherwise)
            else:
                self._at = here
                return If(tuple(branches), otherwise)

    def _try(self) -> Try:
        body = self._block()
        self._blanks(lines=True)
        if self._word() != "catch":
            raise self.lost("try without catch")
        self._at += len("catch")
        return Try(body, self._block())

    def _foreach(self) -> ForEach:
        self._needs("(")
        self._blanks()
        found = _VARIABLE.match(self._text, self._at)
        if found is None:
            raise self.lost("foreach needs a variable")
        self._at = found.end()
        self._blanks()
        if self._word() != "in":
            raise self.lost("foreach needs in")
        self._at += len("in")
        self._blanks()
        over = self._pipeline()
        self._needs(")")
        return ForEach((found[1] or found[2]).lower(), over, self._block())

    def _leave(self, how: str) -> Leave:
        self._blanks()
        empty = not self.rest() or self._sees("\n", ";", "}")
        return Leave(how, None if empty else self._pipeline())

    # Pipelines and commands

    def _pipeline(self) -> Pipeline:
        elements = [self._element()]
        while True:
            self._blanks()
            if not self._takes("|"):
                return Pipeline(tuple(elements))
            self._blanks(lines=True)
            elements.append(self._element())

    def _element(self) -> Command | Expression:
        self._blanks()
        if self._sees("&"):
            self._at += 1
            self._blanks()
            name = self._primary()
            if not isinstance(name, Literal):
                raise self.lost("& takes a name")
            return self._command(str(name.value))
        if re.compile(r"[$'\"(\[@{\d!+]|-(?:not\b|\d)", re.IGNORECASE).match(self._text, self._at):
            return self.expression()
        return self._command(self._bare())

    def _bare(self) -> str:
        begin = self._at
        while self.rest() and self._text[self._at] not in _BARE_END:
            self._at += 1
        if begin == self._at:
            raise self.lost()
        return self._text[begin : self._at]

    def _command(self, name: str) -> Command:
        arguments: list[Parameter | Expression] = []
        quiet = False
        while True:
            self._blanks()
            if not self.rest() or self._text[self._at] in "\n;|)}":
                return Command(name, tuple(arguments), quiet)
            if found := re.compile(r"2>\s*\$null|2>&1").match(self._text, self._at):
                self._at = found.end()
                quiet = True
            elif found := re.compile(r"-([A-Za-z]\w*)(:?)").match(self._text, self._at):
                self._at = found.end()
                arguments.append(Parameter(found[1], self._argument() if found[2] else None))
            else:
                arguments.append(self._argument())

    def _argument(self) -> Expression:
        items = [self._one_argument()]
        while True:
            here = self._at
            self._blanks()
            if not self._takes(","):
                self._at = here
                return items[0] if len(items) == 1 else Several(tuple(items))
            self._blanks(lines=True)
            items.append(self._one_argument())

    def _one_argument(self) -> Expression:
        self._blanks()
        if re.compile(r"[$'\"(@{]").match(self._text, self._at):
            return self._postfix(self._primary())
        word = self._bare()
        if re.fullmatch(r"\d+", word):
            return Literal(int(word))
        return Text(tuple(_pieces(word))) if "$" in word else Literal(word.replace("`", ""))

    # Expressions

    def expression(self, level: int = 0) -> Expression:
        if level == len(_OPERATORS):
            return self._comma()
        left = self.expression(level + 1)
        while (operator := self._operator(_OPERATORS[level])) is not None:
            left = Operation(operator, (left, self.expression(level + 1)))
        return left

    def _operator(self, known: set[str]) -> str | None:
        here = self._at
        self._blanks()
        found = re.compile(r"-[A-Za-z]+\b|[+-](?=\s)").match(self._text, self._at)
        if found is None or found[0].lower() not in known:
            self._at = here
            return None
        self._at = found.end()
        self._blanks(lines=True)
        return found[0].lower()

    def _comma(self) -> Expression:
        items = [self._unary()]
        while True:
            here = self._at
            self._blanks()
            if not self._takes(","):
                self._at = here
                return items[0] if len(items) == 1 else Several(tuple(items))
            self._blanks(lines=True)
            items.append(self._unary())

    def _unary(self) -> Expression:
        self._blanks()
        if found := re.compile(r"-not\b|!", re.IGNORECASE).match(self._text, self._at):
            self._at = found.end()
            return Operation("-not", (self._unary(),))
        return self._postfix(self._primary())

    def _primary(self) -> Expression:
        if self._sees("@'", '@"'):
            return self._here_string()
        if self._sees("'"):
            return self._single()
        if self._sees('"'):
            return self._double()
        if self._sees("(", "$(", "@("):
            listed = self._sees("@(")
            self._at += 1 if self._sees("(") else 2
            body = self.statements()
            self._needs(")")
            return Group(body, listed)
        if self._sees("{"):
            return Block(self._block())
        if found := _VARIABLE.match(self._text, self._at):
            self._at = found.end()
            return Variable((found[1] or found[2]).lower())
        if found := re.compile(r"\[([\w.]+)\](::)?").match(self._text, self._at):
            self._at = found.end()
            if found[2]:
                return Static(found[1].lower(), self._name(), self._call())
            self._blanks()
            return Cast(found[1].lower(), self._postfix(self._primary()))
        if found := re.compile(r"-?\d+(?:\.\d+)?").match(self._text, self._at):
            self._at = found.end()
            return Literal(float(found[0]) if "." in found[0] else int(found[0]))
        raise self.lost()

    def _postfix(self, found: Expression) -> Expression:
        while True:
            if re.compile(r"\.[A-Za-z]").match(self._text, self._at):
                self._at += 1
                name = self._name()
                found = Member(found, name, self._call())
            elif self._sees("["):
                self._at += 1
                index = self.expression()
                self._needs("]")
                found = Item(found, index)
            else:
                return found

    def _name(self) -> str:
        found = re.compile(r"\w+").match(self._text, self._at)
        if found is None:
            raise self.lost("a name is missing")
        self._at = found.end()
        return found[0].lower()

    def _call(self) -> tuple[Expression, ...] | None:
        if not self._takes("("):
            return None
        self._blanks(lines=True)
        if self._takes(")"):
            return ()
        found = self.expression()
        self._needs(")")
        return found.items if isinstance(found, Several) else (found,)

    # Strings

    def _single(self) -> Literal:
        found = re.compile(r"'((?:[^']|'')*)'").match(self._text, self._at)
        if found is None:
            raise self.lost("a string does not end")
        self._at = found.end()
        return Literal(found[1].replace("''", "'"))

    def _double(self) -> Expression:
        found = re.compile(r'"((?:[^"`]|`.|"")*)"', re.DOTALL).match(self._text, self._at)
        if found is None:
            raise self.lost("a string does not end")
        self._at = found.end()
        return _text(found[1].replace('""', '`"'))

    def _here_string(self) -> Expression:
        quote = self._text[self._at + 1]
        found = re.compile(rf"@{quote}[ \t]*\n(.*?)\n{quote}@", re.DOTALL).match(self._text, self._at)
        if found is None:
            raise self.lost("a here-string does not end")
        self._at = found.end()
        return Literal(found[1]) if quote == "'" else _text(found[1])


def _text(raw: str) -> Expression:
    pieces = tuple(_pieces(raw))
    if all(isinstance(piece, str) for piece in pieces):
        return Literal("".join(piece for piece in pieces if isinstance(piece, str)))
    return Text(pieces)


def _pieces(raw: str) -> Iterator[str | Expression]:
    """A double-quoted string's pieces: `$name`, `$env:NAME` and `$( ... )` are expressions, a backtick escapes."""
    at = 0
    while at < len(raw):
        if raw[at] == "`" and at + 1 < len(raw):
            yield _ESCAPES.get(raw[at + 1], raw[at + 1])
            at += 2
        elif raw.startswith("$(", at):
            inner = _Reader(raw[at + 2 :])
            body = inner.statements()
            inner._needs(")")
            at += 2 + inner._at
            yield Group(body)
        elif found := _VARIABLE.match(raw, at):
            yield Variable((found[1] or found[2]).lower())
            at = found.end()
        else:
            yield raw[at]
            at += 1

"""The shell's grammar: text to a tree. What each node does is in `interpreter`."""

from __future__ import annotations

from dataclasses import dataclass, field

from wizard.sandbox.fabric.shell.words import Lexer, Part, ShellSyntaxError, Word

_RESERVED = frozenset(
    ["if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "{", "}", "!"]
)
_DEEPEST = 50


@dataclass(frozen=True)
class Redirect:
    fd: int
    operator: str  # < > >> >& << (a here-document's target is its text)
    target: Word


@dataclass
class Simple:
    assignments: list[tuple[str, Word]]
    words: list[Word]
    redirects: list[Redirect]


@dataclass
class Compound:
    """`kind` is if, for, while, until, case, group, subshell or function."""

    kind: str
    body: list[Node] = field(default_factory=list)
    tests: list[tuple[list[Node], list[Node]]] = field(default_factory=list)
    name: str = ""
    words: list[Word] | None = None
    cases: list[tuple[list[Word], list[Node]]] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)


@dataclass
class Pipeline:
    commands: list[Simple | Compound]
    negated: bool = False


@dataclass
class Node:
    """A pipeline and how it hangs on the one before: "", "&&" or "||"."""

    joined: str
    pipeline: Pipeline


class Parser:
    """Recursive descent over the lexer's tokens."""

    def __init__(self, text: str) -> None:
        self.tokens = Lexer(text).tokens
        self.at = 0
        self.depth = 0

    def script(self) -> list[Node]:
        nodes = self.sequence(())
        if self.at < len(self.tokens):
            raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
        return nodes

    def _shown(self) -> str:
        if self.at >= len(self.tokens):
            return "newline"
        operator, word = self.tokens[self.at]
        return word.raw if word is not None else operator.replace("\n", "newline")

    def _peek(self) -> str:
        """An operator, a reserved word, `word`, or "" at the end."""
        if self.at >= len(self.tokens):
            return ""
        operator, word = self.tokens[self.at]
        if word is None:
            return operator
        return word.raw if word.raw in _RESERVED else "word"

    def _expect(self, what: str) -> None:
        if self._peek() != what:
            raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
        self.at += 1

    def _skip_lines(self) -> None:
        while self._peek() == "\n":
            self.at += 1

    def sequence(self, ends: tuple[str, ...]) -> list[Node]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ShellSyntaxError("nested too deeply")
        nodes: list[Node] = []
        joined = ""
        while True:
            while self._peek() in ("\n", ";", "&") if not joined else self._peek() == "\n":
                self.at += 1
            if self._peek() in ("", *ends, ")", "}") or (self._peek() == ";;" and ";;" in ends):
                if joined:
                    raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
                break
            nodes.append(Node(joined, self.pipeline()))
            following = self._peek()
            if following in ("&&", "||"):
                joined = following
                self.at += 1
            elif following in (";", "&", "\n"):
                joined = ""
                self.at += 1
            elif following in ("", *ends, ")", "}"):
                break
            else:
                raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
        self.depth -= 1
        return nodes

    def pipeline(self) -> Pipeline:
        negated = False
        while self._peek() == "!":
            negated = not negated
            self.at += 1
        commands = [self.command()]
        while self._peek() == "|":
            self.at += 1
            self._skip_lines()
            commands.append(self.command())
        return Pipeline(commands, negated)

    def command(self) -> Simple | Compound:
        match self._peek():
            case "if":
                found = self._if()
            case "for":
                found = self._for()
            case "while" | "until" as kind:
                self.at += 1
                test = self.sequence(("do",))
                found = Compound(kind, tests=[(test, self._do())])
            case "case":
                found = self._case()
            case "{":
                self.at += 1
                found = Compound("group", body=self.sequence(("}",)))
                self._expect("}")
            case "(":
                self.at += 1
                found = Compound("subshell", body=self.sequence((")",)))
                self._expect(")")
            case _:
                return self._simple()
        while (redirect := self._redirect()) is not None:
            found.redirects.append(redirect)
        return found

    def _do(self) -> list[Node]:
        self._expect("do")
        body = self.sequence(("done",))
        self._expect("done")
        return body

    def _if(self) -> Compound:
        found = Compound("if")
        self._expect("if")
        while True:
            test = self.sequence(("then",))
            self._expect("then")
            found.tests.append((test, self.sequence(("elif", "else", "fi"))))
            if self._peek() == "elif":
                self.at += 1
                continue
            if self._peek() == "else":
                self.at += 1
                found.body = self.sequence(("fi",))
            self._expect("fi")
            return found

    def _for(self) -> Compound:
        self._expect("for")
        name = self._word().raw
        words: list[Word] | None = None
        self._skip_lines()
        if self._peek() == "in":
            self.at += 1
            words = []
            while self._peek() not in (";", "\n", ""):
                words.append(self._word())
        while self._peek() in (";", "\n"):
            self.at += 1
        return Compound("for", name=name, words=words, body=self._do())

    def _case(self) -> Compound:
        self._expect("case")
        found = Compound("case", words=[self._word()])
        self._skip_lines()
        self._expect("in")
        self._skip_lines()
        while self._peek() != "esac":
            if self._peek() == "(":
                self.at += 1
            patterns = [self._word()]
            while self._peek() == "|":
                self.at += 1
                patterns.append(self._word())
            self._expect(")")
            found.cases.append((patterns, self.sequence((";;", "esac"))))
            if self._peek() == ";;":
                self.at += 1
            self._skip_lines()
        self._expect("esac")
        return found

    def _word(self) -> Word:
        if self.at >= len(self.tokens) or self.tokens[self.at][1] is None:
            raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
        word = self.tokens[self.at][1]
        assert word is not None
        self.at += 1
        return word

    def _redirect(self) -> Redirect | None:
        operator = self._peek()
        if operator == "2>&1":
            self.at += 1
            return Redirect(2, ">&", Word((Part("text", "1", False),), "1"))
        bare = operator.lstrip("012")
        if bare not in ("<", ">", ">>", ">&", "<&", "&>", "<<", "<<-"):
            return None
        self.at += 1
        fd = int(operator[0]) if operator[0].isdigit() else (0 if bare[0] == "<" else 1)
        return Redirect(fd, "<<" if bare == "<<-" else bare, self._word())

    def _simple(self) -> Simple | Compound:
        found = Simple([], [], [])
        while True:
            redirect = self._redirect()
            if redirect is not None:
                found.redirects.append(redirect)
                continue
            if self.at >= len(self.tokens) or self.tokens[self.at][1] is None:
                break
            word = self._word()
            name, equals, _ = word.raw.partition("=")
            if equals and not found.words and name.isidentifier():
                found.assignments.append((name, _after_equals(word, len(name) + 1)))
            else:
                found.words.append(word)
            if (
                len(found.words) == 1
                and self._peek() == "("
                and self.tokens[self.at + 1 : self.at + 2] == [(")", None)]
            ):
                self.at += 2
                self._skip_lines()
                body = self.command()
                return Compound("function", name=word.raw, body=[Node("", Pipeline([body]))])
        if not found.words and not found.assignments and not found.redirects:
            raise ShellSyntaxError(f"syntax error near unexpected token `{self._shown()}'")
        return found


def _after_equals(word: Word, skip: int) -> Word:
    first = word.parts[0]
    rest = (Part(first.kind, first.value[skip:], first.quoted), *word.parts[1:])
    return Word(tuple(part for part in rest if part.value or part.quoted or part.kind != "text"), word.raw[skip:])


def parse(text: str) -> list[Node]:
    """A script as a list of pipelines; ShellSyntaxError when it is none."""
    return Parser(text).script()

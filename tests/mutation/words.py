"""Which mutants change nothing but words that a person reads: shown on the syntax tree, not guessed.

A text stands in the place of words when it is (a part of) an argument that is what, why or remedy of an error or of a
Problem, by the table below, or is kept in a variable of such a name. Two functions differ in words alone when they are
the same tree but for such texts, and no text has become empty or something else than a text.
"""

from __future__ import annotations

import ast

# Callee -> the places of its words among its arguments, and their names.
PLACES: dict[str, tuple[range, frozenset[str]]] = {
    "Problem": (range(1, 4), frozenset({"what", "why", "remedy"})),
    "Failure": (range(1, 4), frozenset({"what", "why", "remedy"})),
    "WizardError": (range(3), frozenset({"what", "why", "remedy"})),
    "InputError": (range(3), frozenset({"what", "why", "remedy"})),
    "PlanProblems": (range(1), frozenset({"what"})),
    "__init__": (range(3), frozenset({"what", "why", "remedy"})),  # of an error's base
    "number": (range(3, 4), frozenset({"why"})),
    "_problem": (range(3), frozenset({"what", "why", "remedy"})),
    "_refused": (range(1, 4), frozenset({"what", "why", "remedy"})),
    "_secret": (range(1, 2), frozenset({"what"})),
    "_Damaged": (range(1), frozenset()),
    "ValueError": (range(1), frozenset()),
}

LOCALS = frozenset({"what", "why", "remedy", "fails"})
"""What is given such a name in a function is told as it stands, or in a sentence."""


def places(tree: ast.AST) -> set[ast.Constant]:
    """All texts of a tree that stand in the place of words."""
    found: set[ast.Constant] = set()
    for call in ast.walk(tree):
        if isinstance(call, ast.Assign) and {name.id for name in call.targets if isinstance(name, ast.Name)} & LOCALS:
            found |= set(_texts(call.value))
        if not isinstance(call, ast.Call):
            continue
        positions, names = PLACES.get(_called(call), (range(0), frozenset()))
        words = [argument for number, argument in enumerate(call.args) if number in positions]
        words += [keyword.value for keyword in call.keywords if keyword.arg in names]
        for argument in words:
            found |= set(_texts(argument))
    return found


def alone(before: str, after: str) -> bool:
    """Whether one function's source differs from the other in the words it tells, and in nothing else."""
    one, other = ast.parse(before), ast.parse(after)
    if ast.dump(one) == ast.dump(other):
        return False
    for tree in (one, other):
        for text in places(tree):
            if text.value:
                text.value = "words"
    return ast.dump(one) == ast.dump(other)


def _texts(argument: ast.expr) -> list[ast.Constant]:
    """The texts an argument is made of: itself, the parts of an f-string, of a sum, of either branch of a choice."""
    if isinstance(argument, ast.Constant):
        return [argument] if isinstance(argument.value, str) else []
    if isinstance(argument, ast.JoinedStr):
        return [text for part in argument.values for text in _texts(part)]
    if isinstance(argument, ast.BinOp) and isinstance(argument.op, ast.Add):
        return [*_texts(argument.left), *_texts(argument.right)]
    if isinstance(argument, ast.IfExp):
        return [*_texts(argument.body), *_texts(argument.orelse)]
    return []


def _called(call: ast.Call) -> str:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""

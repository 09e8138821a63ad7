"""Which module may import what, read from the sources and seen in a fresh interpreter."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imports(file: Path) -> Iterator[str]:
    """Every module name that a source file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def importers(folder: Path, package: str) -> set[str]:
    """The files under `folder`, relative to it, that import `package` or anything below it."""
    return {
        file.relative_to(folder).as_posix()
        for file in folder.rglob("*.py")
        for name in imports(file)
        if name == package or name.startswith(f"{package}.")
    }


def loaded_by(code: str) -> set[str]:
    """Top-level names of the modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("package", ["textual", "rich"])
def test_the_engine_imports_no_terminal_ui(package):
    assert importers(ROOT / "wizard", package) == set()


def test_the_engine_opens_the_screens_through_one_door():
    assert importers(ROOT / "wizard", "screens") == {"commands/wizard.py"}


def test_only_one_package_imports_the_azure_sdks():
    users = importers(ROOT / "wizard", "azure") | {f"screens/{name}" for name in importers(ROOT / "screens", "azure")}
    assert users, "nothing imports the SDKs at all: this test looks in the wrong place"
    assert {name for name in users if not name.startswith("azure/")} == set()


def test_the_sandbox_is_imported_only_by_its_command_and_its_starter():
    outside = {name for name in importers(ROOT / "wizard", "wizard.sandbox") if not name.startswith("sandbox/")}
    assert outside <= {"commands/sandbox.py", "azure/clouds.py"}
    assert importers(ROOT / "screens", "wizard.sandbox") == set()


def test_every_module_of_the_engine_loads_without_a_terminal_ui():
    modules = [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in sorted((ROOT / "wizard").rglob("*.py"))
        if file.name != "__main__.py"
    ]
    loaded = loaded_by("import importlib\nfor name in " + repr(modules) + ":\n    importlib.import_module(name)")
    assert "azure" in loaded or "aiohttp" in loaded  # it did import the engine
    assert loaded & {"textual", "screens"} == set()  # rich may be loaded: httpx loads it for a command of its own


def test_the_version_is_told_without_loading_anything_heavy():
    loaded = loaded_by(
        "import sys; sys.argv = ['multivm-wizard', '--version']\nfrom wizard.__main__ import main\nmain()"
    )
    assert loaded & {"click", "pydantic", "azure", "textual", "aiohttp", "paramiko", "asyncssh", "httpx"} == set()


def test_the_help_is_told_without_loading_the_clouds():
    loaded = loaded_by("from wizard.commands.cli import main\nmain(['--help'], standalone_mode=False)")
    assert "click" in loaded
    assert loaded & {"pydantic", "azure", "textual", "aiohttp", "paramiko", "asyncssh", "httpx"} == set()


def test_a_planted_import_is_found(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "module.py").write_text("def f():\n    from textual.app import App\n    return App\n")
    (tmp_path / "clean.py").write_text("import textuality\n")
    assert importers(tmp_path, "textual") == {"deep/module.py"}

"""Every body, id and edge of the plans that go all ways through the blueprint: what Azure is sent, value by value."""

from __future__ import annotations

import email
from pathlib import Path
from typing import Any

import pytest

from tests.blueprint import sdk_models, variants
from wizard import blueprint
from wizard.blueprint import names, scaleset, userdata, vhds, windows
from wizard.blueprint.resource import AtFirst
from wizard.plan import rules
from wizard.plan.model import Plan


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_the_graph_is_as_it_was_written_down(name: str) -> None:
    graph = blueprint.build(variants.plan(name), variants.SUBSCRIPTION)
    assert variants.shown(graph, variants.ALONE.get(name, ())) == variants.kept(name)
    assert (graph.name, graph.subscription) == (variants.plan(name).name, variants.SUBSCRIPTION)
    assert graph.location == variants.plan(name).location


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_no_variant_holds_a_property_the_sdk_does_not_know(name: str) -> None:
    for resource in blueprint.build(variants.plan(name), variants.SUBSCRIPTION):
        if resource.type in (*sdk_models.MODELS, *sdk_models.SHAPES):  # autoscale's has no SDK here
            assert sdk_models.unknown(resource.type, resource.body) == []


@pytest.mark.parametrize("name", variants.VARIANTS)
def test_each_variant_is_a_plan_that_deploys(name: str) -> None:
    faulty = {problem.field for problem in rules.check(variants.plan(name)) if problem.severity == "error"}
    assert faulty <= {"machines.ssh_key", "management.lock"}  # where a key, or a group of ours, makes no difference


def test_every_file_is_a_variants() -> None:
    assert {path.stem for path in variants.FOLDER.iterdir()} == set(variants.VARIANTS)


def test_a_count_is_planned_at_first_alone_where_autoscale_decides() -> None:
    for name, decides in (("scale-set", True), ("scale-set-windows", False)):
        (found,) = blueprint.build(variants.plan(name), variants.SUBSCRIPTION).of_type(
            "Microsoft.Compute/virtualMachineScaleSets"
        )
        assert isinstance(found.body["sku"]["capacity"], AtFirst) is decides


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        ("/", []),
        ("/?a=/b", []),
        ("/index.html", []),
        ("/Index.HTML?x", []),
        ("/live", ["Set-Content -Path \"$root\\live\" -Value 'ok'"]),
        (
            "/a/?b",
            [
                r'New-Item -ItemType Directory -Force -Path "$root\a" | Out-Null',
                r"""Set-Content -Path "$root\a\index.html" -Value 'ok'""",
            ],
        ),
        (
            "/a/b/c.txt?d/e/",
            [
                r'New-Item -ItemType Directory -Force -Path "$root\a\b" | Out-Null',
                r"""Set-Content -Path "$root\a\b\c.txt" -Value 'ok'""",
            ],
        ),
    ],
)
def test_a_probes_path_on_windows_is_a_file_beside_the_page_and_never_the_page(path: str, lines: list[str]) -> None:
    assert windows._probe(path) == "".join(f"{line}\n" for line in lines)


def test_a_script_that_cmd_would_cut_is_not_sent() -> None:
    assert len(windows.command_line("x" * 3051)) == 8190
    with pytest.raises(ValueError, match="a command line of 8194 characters"):
        windows.command_line("x" * 3052)


@pytest.mark.parametrize(
    ("prefix", "os", "told"),
    [
        ("a" * 59, "linux", "a" * 58),
        ("a" * 57 + "-b", "linux", "a" * 57),
        ("web-fron-x", "windows", "web-fron"),
        ("web.", "linux", "web."),
        ("webX-", "linux", "webX"),
        ("web", "windows", "web"),
    ],
)
def test_azure_has_room_for_six_more_letters_of_a_machines_name(prefix: str, os: str, told: str) -> None:
    plan = Plan.model_validate({"prefix": prefix, "machines": {"os": os}})
    assert scaleset.computer_name_prefix(plan) == told


@pytest.mark.parametrize(
    "own", ["#!/bin/sh\necho X \n\n", "#!/bin/sh\necho X\n", "#!\u00fcaW", "#!/bin/sh\n# \u00fc  \n"]
)
def test_a_file_of_the_users_own_arrives_as_it_is_but_for_its_last_line_ends(own: str, tmp_path: Path) -> None:
    (tmp_path / "own").write_text(own, encoding="utf-8")
    data = userdata.user_data(Plan.model_validate({"machines": {"workload": str(tmp_path / "own")}}))
    parts: Any = email.message_from_bytes(data).get_payload()
    content = parts[1].get_payload(decode=True).decode()
    assert content == (own.rstrip("\n") if own.isascii() else own)


@pytest.mark.parametrize(("boot", "account"), [(False, False), (False, True), (True, False), (True, True)])
def test_unmanaged_machines_keep_their_boots_in_the_account_where_both_are_wanted(boot: bool, account: bool) -> None:
    plan = Plan.model_validate({"diagnostics": {"boot": boot, "storage_account": account}})
    ids = names.Ids(variants.SUBSCRIPTION, plan.name, plan.prefix)
    kept = boot and account
    assert vhds.boot_diagnostics(plan, ids).keys() == ({"enabled", "storageUri"} if kept else {"enabled"})
    assert vhds.boot_diagnostics(plan, ids)["enabled"] is kept
    assert (ids.diagnostics_account in vhds.needed(plan, ids, "web1")) is kept

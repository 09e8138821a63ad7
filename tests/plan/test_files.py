"""plan.toml: what is written is read again, and every fault of a file is told at once."""

from __future__ import annotations

import tomllib
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings

from tests.plan.strategies import ED25519, plans
from wizard.errors import InputError
from wizard.plan import document, files, rules
from wizard.plan.model import Machines, Plan

LEGAL = Plan(machines=Machines(ssh_key=ED25519))


def faults(text: str) -> list[tuple[str, str]]:
    """(field, what) of the errors of a plan file that says `text` beside a usable key."""
    _plan, problems = files.check(text)
    return [(problem.field, problem.what) for problem in problems if problem.severity == "error"]


def changed(**lines: str) -> str:
    """The legal plan's text with some keys' values replaced; `machines__count="9"`."""
    text = files.dumps(LEGAL)
    section, out = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        name = line.split(" = ")[0]
        key = f"{section}__{name}" if section and section != "tags" else name
        out.append(f"{name} = {lines.pop(key)}" if key in lines else line)
    assert not lines, f"no such keys: {lines}"
    return "\n".join(out)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(plan=plans())
def test_a_legal_plan_survives_its_file(plan: Plan, tmp_path: Path) -> None:
    assert [problem for problem in rules.check(plan) if problem.severity == "error"] == []
    files.write(plan, tmp_path / "plan.toml")
    assert files.read(tmp_path / "plan.toml") == plan


def test_the_default_file_holds_every_key_of_the_documented_form() -> None:
    tree = tomllib.loads(files.dumps(LEGAL))
    keys = {key for key, value in tree.items() if not isinstance(value, dict)} | {
        f"{table}.{key}" for table, value in tree.items() if isinstance(value, dict) for key in value
    }
    assert keys == set(document.fields()) - {"tags", *document.lists_of_tables()}
    assert tree["tags"] == {}


def test_the_examples_in_the_default_file_are_legal_once_their_hash_is_gone() -> None:
    text = files.dumps(LEGAL)
    assert set(document.lists_of_tables()) == {"machines.data_disks", "network.rules"}
    plan, problems = files.check("\n".join(line.removeprefix("# ") for line in text.splitlines()))
    assert plan is not None
    assert problems == []
    assert (len(plan.machines.data_disks), [rule.name for rule in plan.network.rules]) == (1, ["deny-scanner"])
    added, problems = files.check(text + '[[network.rules]]\nname = "a"\npriority = 300\nsource = ["192.0.2.7"]\n')
    assert problems == []
    assert added is not None
    assert len(added.network.rules) == 1


def test_a_list_that_is_empty_and_added_to_names_the_line_to_remove() -> None:
    text = '[network]\nrules = []  # none\n[balancer]\n[[network.rules]]\nname = "a"\n'
    _plan, (problem,) = files.check(text)
    assert (problem.field, problem.remedy) == ("network.rules", "Remove line 2: rules = []")
    assert "line 4" in problem.what


def test_what_is_missing_has_its_default() -> None:
    plan, problems = files.check(f'[machines]\nssh_key = "{ED25519}"')
    assert plan == LEGAL
    assert problems == []


def test_syntax_errors_name_line_and_column() -> None:
    (fault,) = faults('version = 1\nname = "a\n')
    assert "line 2" in fault[1]
    assert "column" in fault[1]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + files.dumps(LEGAL).replace("\n", "\r\n").encode())
    assert files.read(path) == LEGAL


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_what_is_no_text_file_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "plan.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError):
        files.read(path)


def test_ten_mistakes_get_ten_problems() -> None:
    text = changed(
        name='"group."',
        location='"West Europe"',
        machines__count="0",
        machines__image='"ubunt-24.04"',
        machines__fault_domains='"2"',
        machines__admin_user='"root"',
        network__subnet='"10.0.1.0/33"',
        network__allow_http='["Internt"]',
        balancer__probe_interval_s="1",
        diagnostics__boot="1",
    )
    found = faults(text)
    assert [field for field, _what in found] == [
        "name",
        "location",
        "machines.count",
        "machines.image",
        "machines.fault_domains",
        "machines.admin_user",
        "network.subnet",
        "network.allow_http",
        "balancer.probe_interval_s",
        "diagnostics.boot",
    ]


@pytest.mark.parametrize(
    ("text", "field", "remedy"),
    [
        ('clod = "public"', "clod", "cloud"),
        ("[machines]\ncoutn = 3", "machines.coutn", "count"),
        ("[machine]\ncount = 3", "machine", "machines"),
        ("count = 3", "count", "[machines]"),
        ('[diagnostics]\nprefix = "x"', "diagnostics.prefix", "top of the file"),
        ("[network.extra]\na = 1", "network.extra", "Take it out"),
        ("zzz = 1", "zzz", "Take it out"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(text: str, field: str, remedy: str) -> None:
    _plan, problems = files.check(text)
    (unknown,) = [problem for problem in problems if problem.field != "machines.ssh_key"]
    assert unknown.field == field
    assert remedy in unknown.remedy


def test_a_misspelt_key_does_not_make_its_default_a_mistake() -> None:
    assert [field for field, _what in faults(f'[machines]\nssh_kye = "{ED25519}"')] == ["machines.ssh_kye"]
    assert [field for field, _what in faults(f'[machine]\nssh_key = "{ED25519}"\ncount = "x"')] == [
        "machines.count",
        "machine",
    ]


WINDOWS = {
    "machines__os": '"windows"',
    "machines__image": '"windows-2025"',
    "machines__auth": '"password"',
    "machines__ssh_key": '""',
}


def test_a_windows_plan_is_legal() -> None:
    for more in ({}, {"balancer__probe_path": '"/health/live.txt?x=1"'}, {"balancer__backend_port": "22"}):
        assert faults(changed(**WINDOWS | more)) == []


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ({"machines__os": '"windows"'}, ["machines.image", "machines.auth"]),
        ({"machines__os": '"windows"', "machines__image": '"windows-2022"'}, ["machines.auth"]),
        (WINDOWS | {"balancer__probe_path": '"/web.config"'}, ["balancer.probe_path"]),
        (WINDOWS | {"balancer__backend_port": "3389"}, ["balancer.backend_port"]),
        (WINDOWS | {"prefix": '"a-prefix-of-sixteen"'}, ["prefix"]),
        (WINDOWS | {"machines__image": '"ubuntu-24.04"'}, ["machines.image"]),
        (WINDOWS | {"machines__image": '"Canonical:ubuntu-24_04-lts:server:latest"'}, ["machines.image"]),
        (WINDOWS | {"machines__workload": '"cloud.yaml"'}, ["machines.workload"]),
        ({"machines__image": '"windows-2022"'}, ["machines.image"]),
        ({"machines__placement": '"zones"', "machines__zones": '["1", "5"]'}, ["machines.zones"]),
        ({"machines__placement": '"zone"'}, ["machines.placement"]),
        ({"network__address_space": '"192.168.0.0/16"'}, ["network.subnet"]),
        ({"network__address_space": '"10.0.0.0"'}, ["network.address_space"]),
        ({"network__subnet": '"10.0.1.0/29"', "machines__count": "9"}, ["network.subnet"]),
        ({"network__subnet": '"10.9.1.0/29"', "machines__count": "9"}, ["network.subnet", "network.subnet"]),
        ({"machines__count": "201"}, ["machines.count"]),
        ({"machines__ssh_key": '""'}, ["machines.ssh_key"]),
        ({"machines__ssh_key": '""', "machines__auth": '"key"'}, ["machines.auth"]),
        ({"machines__ssh_key": "7"}, ["machines.ssh_key"]),
        ({"machines__fault_domains": "1"}, ["machines.update_domains"]),
        ({"balancer__frontend_port": "50002"}, ["balancer.nat_first_port"]),
        ({"balancer__frontend_port": "true"}, ["balancer.frontend_port"]),
        ({"balancer__nat_first_port": "65534"}, ["balancer.nat_first_port"]),
        ({"balancer__backend_port": "22"}, ["balancer.backend_port"]),
        ({"network__outbound": '"outbound-rule"', "network__outbound_ports": "1001"}, ["network.outbound_ports"]),
        (
            {"network__outbound": '"outbound-rule"', "machines__count": "63"},
            ["network.outbound_ports"],
        ),
        ({"balancer__nat": '"range"', "balancer__nat_range": "1"}, ["balancer.nat_range"]),
        ({"balancer__nat": '"range"', "balancer__frontend_port": "50100"}, ["balancer.nat_first_port"]),
        ({"balancer__nat": '"range"', "balancer__nat_first_port": "65436"}, ["balancer.nat_first_port"]),
        ({"balancer__nat_range": "0"}, ["balancer.nat_range"]),
        ({"prefix": '"' + "a" * 60 + '"'}, ["prefix"]),
        ({"network__allow_admin": '["10.0.0.1/8", 5, "300.1.1.1"]'}, ["network.allow_admin"] * 3),
        ({"network__allow_admin": "[]"}, ["network.allow_admin"]),
        ({"network__allow_http": '"Internet"'}, ["network.allow_http"]),
        (
            {"balancer__probe_protocol": '"https"', "balancer__probe_path": '"x"'},
            ["balancer.probe_protocol", "balancer.probe_path"],
        ),
        ({"version": "2"}, ["version"]),
    ],
)
def test_each_mistake_is_one_problem_without_consequences(lines: dict[str, str], fields: list[str]) -> None:
    assert [field for field, _what in faults(changed(**lines))] == fields


def test_what_does_not_deploy_yet_is_refused_as_such() -> None:
    text = changed(
        machines__image='"/communityGalleries/mine/images/a/versions/latest"',
    )
    found = faults(text)
    assert len(found) == 1
    assert all("not yet" in what for _field, what in found)


def test_tables_in_lists_are_read_and_written(tmp_path: Path) -> None:
    text = files.dumps(LEGAL)
    text += """
[[network.rules]]
name = "deny-scanner"
priority = 105
source = ["203.0.113.0/24"]
ports = ["80", "8000-8080"]
[[machines.data_disks]]
size_gb = 64
caching = "read-only"
"""
    plan, problems = files.check(text)
    assert plan is not None
    assert problems == []
    assert plan.network.rules[0].ports == ("80", "8000-8080")
    assert [disk.size_gb for disk in plan.machines.data_disks] == [64]
    files.write(plan, tmp_path / "plan.toml")
    assert files.read(tmp_path / "plan.toml") == plan
    jsonschema.Draft202012Validator(files.json_schema()).validate(tomllib.loads(files.dumps(plan)))


@pytest.mark.parametrize(
    ("lines", "field", "word"),
    [
        ('[network]\nrules = ["deny"]', "network.rules", "[[network.rules]]"),
        ('[[network.rules]]\nnam = "a"', "network.rules", '"name"'),
        ('[[network.rules]]\nname = "a"\npriority = "105"', "network.rules", "105 without quotes"),
        ('[[network.rules]]\nname = "a"\npriority = 105\naccess = "refuse"', "network.rules", "allow"),
        ("[[machines.data_disks]]\nsize_gb = 0", "machines.data_disks", "size"),
    ],
)
def test_faults_of_tables_in_lists_name_the_entry(lines: str, field: str, word: str) -> None:
    _plan, problems = files.check(lines)
    (found,) = [problem for problem in problems if problem.field == field]
    assert word in f"{found.what} {found.remedy}"


def test_a_private_key_in_a_plan_is_refused_and_never_shown() -> None:
    secret = "b3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHIAAAAG"
    pasted = f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{secret}\\n-----END OPENSSH PRIVATE KEY-----"
    for line in (f'ssh_key = "{pasted}"', f'ssh_key = ["{pasted}"]', f'auth = "ssh-key"\nssh_kez = "{pasted}"'):
        _plan, problems = files.check(f"[machines]\n{line}")
        assert problems
        assert secret not in repr(problems)


def test_warnings_leave_the_plan_usable() -> None:
    plan, problems = files.check(changed(machines__count="1", network__allow_admin='["Internet"]'))
    assert plan is not None
    assert [(problem.field, problem.severity) for problem in problems] == [
        ("machines.count", "warning"),
        ("network.allow_admin", "warning"),
    ]


def test_the_schema_knows_what_the_rules_know() -> None:
    schema = files.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    tree = tomllib.loads(files.dumps(LEGAL))
    assert list(validator.iter_errors(tree)) == []
    for key, value in (("count", 1001), ("count", "2"), ("os", "linx"), ("fault_domains", 4), ("extra", 1)):
        wrong = {**tree, "machines": {**tree["machines"], key: value}}
        assert list(validator.iter_errors(wrong)), f"{key} = {value!r} passes"


def test_every_key_of_the_schema_is_described() -> None:
    definitions = files.json_schema()["$defs"]
    for section in ("Machines", "ScaleSet", "Network", "Balancer", "Diagnostics"):
        for name, facts in definitions[section]["properties"].items():
            kind = definitions.get(facts.get("$ref", "").rpartition("/")[2], {})
            assert facts.get("description") or kind.get("description"), f"{section}.{name}"

"""The Verify screen with runs that are played: checks as they pass, load, drill, and what its keys do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from screens.dialogs import AboutScreen, ChoiceScreen, LineScreen, PasswordScreen
from screens.drilling import choices, question
from screens.findings import TITLES
from screens.widgets.bars import Bars
from screens.widgets.checks import Checks
from screens.widgets.doors import Doors
from screens.widgets.pick import PickScreen
from screens.widgets.picture import Picture
from screens.widgets.text import Line
from screens.widgets.timeline import Timeline
from tests.screens.conftest import type_text, until
from tests.screens.plays import staged, status
from wizard.verify import verification


@pytest.fixture
def stage(monkeypatch):
    return staged(monkeypatch)


@pytest.fixture(autouse=True)
def known(desk):
    desk.answers["status"] = status()


def check(name: str, target: str, state: str = "passed", **more):
    return {"event": "check", "name": name, "target": target, "state": state, "detail": "", "remedy": "", **more}


def progress(at: float, rps: float, errors: int = 0, **by_vm: int):
    total = {"requests": int(rps), "errors": errors, "by_vm": by_vm}
    figures = {"p50_ms": 1.2, "p90_ms": 2.0, "p99_ms": 4.1}
    return {"event": "load_progress", "at": at, "rps": rps, "errors": errors, "by_vm": by_vm, "total": total, **figures}


async def gone(pilot, **arguments):
    pilot.app.answers.set("name", "rg", commit=True)
    pilot.app.go("verify", name="rg", **arguments)
    await until(pilot, lambda: pilot.app.screen.step_id == "verify" and pilot.app.screen.stands)
    screen = pilot.app.screen
    await until(pilot, lambda: screen.status and (screen.run or arguments.get("begin") == ""))
    return screen


def headline(screen) -> str:
    return str(screen.query_one("#headline").content)


def lines(screen) -> list[str]:
    table = screen.query_one(Checks)
    return ["".join(text for text, _ in table.cells(line, 100)) for line in range(table.total())]


async def test_checks_are_gathered_by_kind_and_counted(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert [each[0] for each in stage.started] == ["verify"]
        stage.plays[0].tell(
            {"event": "waiting", "at": 1.0, "detail": "SSH of web2"},
        )
        await until(pilot, lambda: any("SSH of web2" in line for line in lines(screen)))
        stage.plays[0].tell(check("ssh.login", "web1"), check("ssh.login", "web2"), check("balancer.probe", "web1"))
        await until(pilot, lambda: "3 passed" in headline(screen))
        told = lines(screen)
        assert any("SSH: the login works" in line and "2" in line for line in told)
        assert not any("SSH of web2" in line for line in told)


async def test_a_failed_check_shows_its_target_and_remedy_and_no_load_follows(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        remedy = "Let port 80 in: network.allow_http."
        stage.plays[0].tell(check("http.page", "web1", "failed", detail="refused", remedy=remedy))
        stage.plays[0].tell({"event": "verified", "passed": 0, "failed": 1, "warned": 0, "skipped": 0, "evidence": ""})
        stage.plays[0].end("done", 1)
        await until(pilot, lambda: screen.over)
        screen.draw()
        assert "✗ 1 failed" in headline(screen)
        told = "\n".join(lines(screen))
        assert "web1: refused" in told
        assert remedy in told
        await pilot.pause()
        assert [each[0] for each in stage.started] == ["verify"]


async def test_a_load_follows_and_is_drawn_live_on_the_picture_too(wizard, stage):
    async with wizard(size=(120, 40)) as pilot:
        screen = await gone(pilot)
        stage.plays[0].tell(check("http.page", "web1"), check("http.page", "web2"))
        stage.plays[0].end()
        await until(pilot, lambda: [each[0] for each in stage.started] == ["verify", "load"])
        await until(pilot, lambda: screen.kind == "load")
        play = stage.plays[0]
        play.tell({"event": "loading", "url": "http://x/", "duration_s": 15.0, "vms": ["web1", "web2"]})
        play.tell(progress(0.5, 5231.0, web1=3000), progress(1.0, 5000.0, errors=7, web1=3000, web2=1000))
        await until(pilot, lambda: "5,000" in str(screen.query_one("#rate").content))
        assert "p50 1.2" in str(screen.query_one("#latency").content)
        assert "errors 7" in str(screen.query_one("#latency").content)
        await until(pilot, lambda: "75.0 %" in str(screen.query_one(Bars).content))
        picture = str(screen.query_one(Picture).content)
        assert "75.0 %" in picture
        assert "✓ answers" in picture


async def test_coming_back_attaches_to_the_load_and_recalls_the_checks(wizard, stage):
    stage.play(kind="load", name="rg")
    before = stage.play(kind="verify", name="rg")
    before.tell(check("ssh.login", "web1"))
    before.end()
    stage.plays.reverse()  # the load is the latest
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert screen.kind == "load"
        assert stage.started == []
        await until(pilot, lambda: "1 passed" in headline(screen))


async def test_the_line_that_is_chosen_is_copied(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await until(pilot, lambda: screen.query_one(Doors).total() == 3)
        await pilot.press("c")
        assert pilot.app.copied[0] == "curl http://127.1.2.3:8081/"
        screen.query_one(Doors).focus()
        await pilot.press("down", "down", "c")
        assert pilot.app.copied[0] == "ssh -p 50002 azureuser@127.1.2.3"


async def test_a_drill_is_asked_for_and_its_course_is_drawn(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickScreen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: screen.kind == "drill")
        assert stage.started[0][2] == {"vm": "web1"}
        play = stage.plays[0]
        play.tell({"event": "mark", "at": 5.0, "what": "stopping web1"}, progress(5.5, 100.0, web2=50))
        await until(pilot, lambda: "stopping web1" in str(screen.query_one(Timeline).content))
        play.tell(
            {
                "event": "drill", "vm": "web1", "survived": True, "why": [], "detected_s": 10.1,
                "expected_detection_s": 10.0, "requests": 3054, "failed": 326, "longest_gap_s": 0.18,
                "failing_for_s": 9.9,
            }
        )  # fmt: skip
        play.end()
        await until(pilot, lambda: screen.over)
        assert "survived losing web1" in str(screen.query_one("#outcome").content)
        assert "326 of 3054" in str(screen.query_one("#outcome").content)


def test_every_check_has_a_title_for_people():
    folder = Path(verification.__file__).parent
    told = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    kinds = {name.partition(".")[0] for name in TITLES}
    names = {f"{kind}.{name}" for kind, name in re.findall(r'(?:CheckDone\(|name = )"(\w+)\.(\w+)"', told)}
    assert len(names) > 15
    assert {name for name in names if name.partition(".")[0] in kinds} - set(TITLES) == set()


def test_every_domain_and_planned_maintenance_can_be_drilled():
    plan = {"machines.placement": "availability-set", "machines.update_domains": 5, "machines.fault_domains": 2}
    assert [choice.value for choice in choices(["web1", "web2", "web3"], plan)] == [
        ("vm", "web1"), ("vm", "web2"), ("vm", "web3"), ("fault_domain", 0), ("fault_domain", 1),
        ("update_domain", 0), ("update_domain", 1), ("update_domain", 2), ("rolling", True),
    ]  # fmt: skip
    zones = choices(["web1", "web2"], {"machines.placement": "zones", "machines.zones": ("1", "3")})
    assert [choice.value for choice in zones[2:]] == [("zone", "1"), ("zone", "3"), ("rolling", True)]
    assert [choice.value for choice in choices(["web1"], plan)] == [("vm", "web1")]
    assert question(("fault_domain", 1)) == ("Stop fault domain 1?", "Stop fault domain 1 and start it again")


async def test_a_wizard_that_was_restarted_asks_for_the_password_and_keeps_it_nowhere(wizard, stage, desk, own_home):
    desk.answers["status"] = status(auth="password")
    async with wizard() as pilot:
        pilot.app.answers.set("name", "rg", commit=True)
        pilot.app.go("verify", name="rg")
        await until(pilot, lambda: isinstance(pilot.app.screen, PasswordScreen))
        assert stage.started == []
        await type_text(pilot, "First-Horse-123")
        assert pilot.app.screen.query_one("#password").password
        await pilot.press("enter")
        await until(pilot, lambda: stage.started)
        assert stage.started[0][3] == {"password": "First-Horse-123"}
        await until(pilot, lambda: pilot.app.screen.run)
        await pilot.press("h")
        await until(pilot, lambda: pilot.app.screen.step_id == "home")
        await pilot.pause()
        assert not [each for each in pilot.app.answers.secrets() if each.get_secret_value() == "First-Horse-123"]
    kept = [path for path in own_home.rglob("*") if path.is_file() and b"First-Horse-123" in path.read_bytes()]
    assert kept == []


async def test_going_back_where_the_password_is_asked_for_begins_nothing(wizard, stage, desk):
    desk.answers["status"] = status(auth="password")
    async with wizard() as pilot:
        pilot.app.go("verify", name="rg")
        await until(pilot, lambda: isinstance(pilot.app.screen, PasswordScreen))
        await pilot.press("escape")
        await until(pilot, lambda: getattr(pilot.app.screen, "step_id", "") == "verify")
        await until(pilot, lambda: "Nothing was begun" in str(pilot.app.screen.query_one("#outcome").content))
        assert stage.started == []
        await pilot.press("v")
        await until(pilot, lambda: isinstance(pilot.app.screen, PasswordScreen))
        await pilot.press("down", "enter")  # without it
        await until(pilot, lambda: stage.started)
        assert stage.started[0][3] == {}


async def test_windows_shows_the_line_for_remote_desktop(wizard, stage, desk):
    found = status(auth="password")
    found["ssh"], found["rdp"] = {}, {"web1": "127.1.2.3:50001"}
    desk.answers["status"] = found
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await until(pilot, lambda: screen.query_one(Doors).total() == 2)
        screen.query_one(Doors).focus()
        await pilot.press("down", "c")
        assert pilot.app.copied[0] == "xfreerdp /v:127.1.2.3:50001 /u:azureuser"


async def test_the_evidence_is_named_once_it_is_there(wizard, stage, tmp_path):
    (tmp_path / "evidence.json").write_text("{}")
    async with wizard() as pilot:
        screen = await gone(pilot)
        await pilot.press("e")
        assert pilot.app.screen is screen
        verified = {"event": "verified", "passed": 1, "failed": 0, "warned": 0, "skipped": 0}
        stage.plays[0].tell({**verified, "evidence": str(tmp_path)})
        stage.plays[0].end()
        await until(pilot, lambda: screen.over)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, AboutScreen))
        assert pilot.app.copied[0] == str(tmp_path)


async def test_all_checks_of_a_kind_can_be_read(wizard, stage):
    async with wizard() as pilot:
        screen = await gone(pilot)
        stage.plays[0].tell(check("ssh.login", "web1", detail="azureuser in 0.2 s"), check("ssh.login", "web2"))
        await until(pilot, lambda: "2 passed" in headline(screen))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, AboutScreen))


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 40)])
async def test_it_stands_in_any_size(wizard, stage, size):
    async with wizard(size=size) as pilot:
        screen = await gone(pilot, begin="")
        await pilot.press("l")
        await until(pilot, lambda: screen.kind == "load")
        stage.plays[0].tell(*(progress(at / 2, 5000.0, web1=100, web2=100) for at in range(1, 9)))
        await until(pilot, lambda: len(screen.traffic.steps) == 8)
        await pilot.pause(0.3)
        assert screen.query_one(Checks).region.height >= 2
        assert screen.query_one(Doors).region.bottom <= size[1] - 1
        assert screen.query_one("#rate").region.height == 1


def turn(at: float, offered: float, instances: int, errors: int = 0):
    figures = {"requests": int(offered * 3), "served_rps": offered - errors / 3, "p99_ms": 4.0}
    return {"event": "turn", "at": at, "offered_rps": offered, "errors": errors, "instances": instances, **figures}


def ramped(**more):
    counts = {"first": 2, "most": 3, "last": 2}
    times = {"out_at": 19.7, "in_at": 32.7, "low_from": 19.7}
    return {
        "event": "ramp",
        "proved": True,
        "why": [],
        "instances": counts,
        "errors": 4,
        "requests": 3178,
        "evidence": "",
        **times,
        **more,
    }


async def test_a_ramp_is_offered_where_the_plan_scales_by_itself_and_nowhere_else(wizard, stage, desk):
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await pilot.press("a")
        assert pilot.app.screen is screen
        assert screen.check_action("ramp", ()) is False


async def test_a_ramp_shows_vms_offered_served_and_failed_as_they_come_and_its_verdict(wizard, stage, desk):
    told = status()
    told["plan"]["machines"]["placement"] = "scale-set"
    told["plan"]["scale_set"] = {"autoscale": True, "maximum": 5, "cpu_out_percent": 70, "window_min": 5}
    told["plan"]["scale_set"]["cpu_in_percent"] = 30
    desk.answers["status"] = told
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceScreen))
        await pilot.press("down", "enter")
        await until(pilot, lambda: stage.started and screen.run)
        assert stage.started[0][0] == "ramp"
        assert stage.started[0][2] == {"peak": 400.0}
        play = stage.plays[0]
        play.tell(turn(0.0, 10, 2), turn(3.3, 200, 2, errors=6))
        await until(pilot, lambda: "200" in str(screen.query_one(Timeline).content))
        rows = {line.split()[0]: line.split()[-1] for line in str(screen.query_one(Timeline).content).splitlines()[:4]}
        assert rows == {"VMs": "2", "offered/s": "200", "served/s": "198", "failed": "6"}
        play.tell({"event": "cpu", "at": 3.5, "percent": 41.7}, {"event": "cpu", "at": 5.0, "percent": 81.2})
        await until(pilot, lambda: "CPU %" in str(screen.query_one(Timeline).content))
        [cpu] = [line for line in str(screen.query_one(Timeline).content).splitlines() if line.startswith("CPU %")]
        assert cpu.endswith("81 (30–70)"), "beside the thresholds"
        assert "until Azure adds a VM" in str(screen.query_one("#outcome").content)
        play.tell(turn(6.6, 330, 3), turn(9.9, 10, 3), turn(13.2, 10, 2), ramped())
        await until(pilot, lambda: "1 VM taken away: 2 now" in str(screen.query_one(Timeline).content))
        course = str(screen.query_one(Timeline).content)
        assert "1 VM added: 3 now" in course
        assert "the load falls to 10 requests a second" in course
        play.end()
        await until(pilot, lambda: "Autoscale went out and in again: 2, 3, 2 VMs." in said(screen))
        assert "one was taken away 13 s after the load had fallen" in said(screen)
        assert "4 of 3,178 requests failed" in said(screen)


async def test_a_ramp_that_nothing_came_of_says_so(wizard, stage):
    stage.play(kind="ramp", name="rg")
    async with wizard() as pilot:
        screen = await gone(pilot)
        assert screen.kind == "ramp"
        none = {"out_at": None, "in_at": None, "low_from": None, "proved": False}
        why = ["No machine was added, though 400 requests a second were offered at last."]
        stage.plays[0].tell(turn(0.0, 10, 2), ramped(**none, why=why))
        stage.plays[0].end("done", 1)
        await until(pilot, lambda: "✗ Autoscale did not go out" in said(screen))
        assert why[0] in said(screen)


async def test_a_load_that_nobody_answers_says_so_before_its_requests_time_out(wizard, stage):
    stage.play(kind="load", name="rg")
    async with wizard() as pilot:
        screen = await gone(pilot)
        play = stage.plays[0]
        play.tell({"event": "loading", "url": "http://x/", "duration_s": 15.0, "vms": ["web1"]})
        play.tell(progress(0.5, 5000.0, web1=2500), *(progress(0.5 + 0.5 * step, 0.0) for step in range(1, 7)))
        await until(pilot, lambda: "nobody has answered for 3 s" in str(screen.query_one("#latency").content))
        play.tell(progress(4.0, 0.0, errors=50))
        await until(pilot, lambda: "errors 50" in str(screen.query_one("#latency").content))


def said(screen) -> str:
    return str(screen.query_one("#outcome").content)


def drilled():
    figures = {"requests": 3054, "failed": 326, "longest_gap_s": 0.18, "failing_for_s": 9.9}
    times = {"detected_s": 10.1, "expected_detection_s": 10.0}
    return {"event": "drill", "vm": "web1", "survived": True, "why": [], **times, **figures}


async def test_it_is_tried_from_a_vm_in_another_network(wizard, stage):
    vm = "/subscriptions/s/resourceGroups/mine/providers/Microsoft.Compute/virtualMachines/jump"
    async with wizard() as pilot:
        screen = await gone(pilot, begin="")
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineScreen))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert stage.started == []
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, LineScreen))
        pilot.app.screen.query_one("#line", Line).value = vm
        await pilot.press("enter")
        await until(pilot, lambda: stage.started and screen.run)
        assert (stage.started[0][0], stage.started[0][2]) == ("verify", {"from_vm": vm})


async def test_what_azure_monitor_contradicts_is_told_with_the_drill(wizard, stage):
    stage.play(kind="drill", name="rg")
    check = {"event": "check", "name": "monitor.probes", "target": "web1", "state": "failed", "detail": "it stayed up"}
    async with wizard() as pilot:
        screen = await gone(pilot)
        await until(pilot, lambda: screen.run)
        stage.plays[0].tell({**drilled(), "checks": [check], "gone": ["web9"]})
        stage.plays[0].end()
        await until(pilot, lambda: "monitor.probes web1: it stayed up" in said(screen))
        assert "✗" in said(screen)
        assert "Deleted meanwhile, not by the drill: web9." in said(screen)

"""The machines' PowerShell: what it prints, what it changes, and that it guesses nothing."""

from __future__ import annotations

import pytest

from wizard.sandbox.fabric.windows import powershell_run
from wizard.sandbox.fabric.windows.machine import WindowsMachine


@pytest.mark.parametrize(
    ("script", "out"),
    [
        ("hostname", "web1\n"),
        ("whoami", "nt authority\\system\n"),
        ("$env:COMPUTERNAME", "WEB1\n"),
        ('"on $env:COMPUTERNAME, port $(80 + 1)"', "on WEB1, port 81\n"),
        ("'it''s $env:X'", "it's $env:X\n"),
        ('"a`tb `$x"', "a\tb $x\n"),
        ("$a = 'x'; $a += 'y'; $a", "xy\n"),
        ("$page = @'\n<p>\"NAME\"</p>\n'@\n$page.Replace('NAME', (hostname))", '<p>"web1"</p>\n'),
        ("if (1 -eq 2) { 'a' } elseif ('B' -eq 'b') { 'b' } else { 'c' }", "b\n"),
        ("foreach ($n in 1, 2) { \"n$n\" }", "n1\nn2\n"),
        ("1, 2, 3 | Where-Object { $_ -gt 1 } | ForEach-Object { $_ * 1 }", None),
        ("1, 2, 3 | Where-Object { $_ -gt 1 } | ForEach-Object { $_ + 1 }", "3\n4\n"),
        ("Get-LocalUser | Where-Object Enabled -eq $true | Select-Object -ExpandProperty Name", "azureuser\n"),
        ("try { Get-Content C:\\none } catch { 'no' }", ""),
        ("$ErrorActionPreference = 'Stop'; try { Get-Content C:\\none } catch { \"no: $($_.Exception.Message)\" }",
         "no: Get-Content : Cannot find path 'C:\\none' because it does not exist.\n"),
        ("(Get-CimInstance Win32_OperatingSystem).LastBootUpTime.ToUniversalTime().ToString('u')",
         "2027-01-15 08:00:00Z\n"),
        ("Write-Output a b | Out-Null; 'c' # done", "c\n"),
        ("-not ('abc' -like 'A*')", "False\n"),
        ("('a,b').Split(',').Count", "2\n"),
    ],
)  # fmt: skip
async def test_what_a_script_prints(still: WindowsMachine, script: str, out: str | None) -> None:
    outcome = await powershell_run.script(still, script)
    if out is None:
        assert "does not understand" in outcome.error
        return
    assert outcome.out == out
    assert outcome.code == 0


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("Invoke-WebRequest http://example.com/x.exe -OutFile C:\\x.exe", "Invoke-WebRequest"),
        ("format c:", "format"),
        ("while ($true) { }", "while is not known here"),
        ("Get-Service -ComputerName other", "-ComputerName"),
        ("[IO.File]::Delete('C:\\x')", "[io.file]::delete"),
        ("'open", "a string does not end"),
        ("if (1) { 'x'", "} is missing"),
        ("$env:PATH = 'x'", "$env:path"),
        ("New-NetFirewallRule -DisplayName x -Direction Outbound -Protocol TCP -LocalPort 1", "one TCP port in"),
        ("'a'.PadLeft(3)", ".padleft()"),
    ],
)  # fmt: skip
async def test_what_is_not_understood_is_an_error(still: WindowsMachine, script: str, what: str) -> None:
    outcome = await powershell_run.script(still, script)
    assert outcome.code == 1
    assert "does not understand" in outcome.error
    assert what in outcome.error


async def test_an_unreadable_script_runs_not_at_all(still: WindowsMachine) -> None:
    await powershell_run.script(still, "Set-Content C:\\Windows\\Temp\\a.txt x\nwhile ($true) {}")
    assert not still.disk.exists(r"C:\Windows\Temp\a.txt")


async def test_an_error_is_passed_over_unless_the_script_says_stop(still: WindowsMachine) -> None:
    outcome = await powershell_run.script(still, "Get-Service W3SVC; 'after'")
    assert (outcome.out, outcome.code) == ("after\n", 0)
    assert "Cannot find any service" in outcome.error
    outcome = await powershell_run.script(still, "$ErrorActionPreference = 'Stop'\nGet-Service W3SVC; 'after'")
    assert (outcome.out, outcome.code) == ("", 1)
    quiet = "(Get-Service W3SVC -ErrorAction SilentlyContinue).Status -eq 'Running'"
    assert (await powershell_run.script(still, quiet)).error == ""


async def test_files_have_no_case_and_their_folders_must_be_there(still: WindowsMachine) -> None:
    outcome = await powershell_run.script(still, r"Set-Content C:\new\a.txt x")
    assert "Could not find a part of the path" in outcome.error
    script = (
        r"md C:\New -Force | Out-Null; Set-Content -Path C:/NEW/A.txt -Value 'x','y'; (Get-Content c:\new\a.TXT).Count"
    )
    assert (await powershell_run.script(still, script)).out == "2\n"
    assert "A.txt" in (await powershell_run.script(still, r"dir C:\new")).out
    await powershell_run.script(still, r"Remove-Item -Recurse C:\new")
    assert (await powershell_run.script(still, r"Test-Path C:\New\A.txt")).out == "False\n"


async def test_a_script_without_end_is_ended(still: WindowsMachine) -> None:
    many = ",".join("1" for _ in range(300))
    outcome = await powershell_run.script(still, f"foreach ($a in {many}) {{ foreach ($b in {many}) {{ $a }} }}")
    assert outcome.code == 1
    assert "too many steps" in outcome.error


async def test_exit_ends_the_script_with_its_code(still: WindowsMachine) -> None:
    outcome = await powershell_run.script(still, "'a'; exit 3; 'b'")
    assert (outcome.out, outcome.code) == ("a\n", 3)
    assert (await powershell_run.script(still, "throw 'enough'")).error == "enough\n"

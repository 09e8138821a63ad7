"""A whole deployment as outside clients see it: curl through the balancer, OpenSSH through the NAT ports."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from tests.sandbox.fabric.azure_documents import HTTP_PORT, PASSWORD, Deployment, allow, network_id, vm_id
from tests.sandbox.fabric.conftest import curl, ready, run, running, ssh, states, until
from wizard import ids


def served_by(answer: str) -> str:
    return next((line.split(": ")[1] for line in answer.splitlines() if line.startswith("X-Served-By")), "")


async def test_http_meets_every_machine_and_says_which(deployment: Deployment) -> None:
    answers = [await curl(deployment) for _ in range(16)]
    assert {served_by(one.out) for one in answers} == {"web1", "web2"}
    assert all(one.out.startswith("HTTP/1.1 200 OK") and served_by(one.out) in one.out.split("\r\n\r\n")[1]
               for one in answers)  # fmt: skip
    missing = await curl(deployment, path="/nowhere")
    assert missing.out.startswith("HTTP/1.1 404")
    assert served_by(missing.out)


async def test_ssh_by_password_leads_to_its_own_machine(deployment: Deployment) -> None:
    first, second = await asyncio.gather(*(ssh(deployment, "hostname", name=name) for name in deployment.names))
    assert (first.code, first.out, second.out) == (0, "web1\n", "web2\n")
    assert (await ssh(deployment, "exit 7")).code == 7
    assert (await ssh(deployment, "sudo cat", stdin="through a pipe\n")).out == "through a pipe\n"
    refused = await ssh(deployment, "hostname", password="Wrong-horse-7")
    assert (refused.code, refused.out) == (255, "")
    assert "Permission denied" in refused.err


async def test_the_host_key_is_the_one_that_run_command_tells(deployment: Deployment, tmp_path: Path) -> None:
    told = await deployment.fabric.run_script(vm_id("web1"), "cat /etc/ssh/ssh_host_ed25519_key.pub")
    known = tmp_path / "known_hosts"
    known.write_text(f"[{deployment.address}]:{deployment.ssh_port('web1')} {told.stdout}")
    assert (await ssh(deployment, "hostname", known_hosts=known)).out == "web1\n"
    known.write_text(f"[{deployment.address}]:{deployment.ssh_port('web2')} {told.stdout}")
    assert (await ssh(deployment, "hostname", name="web2", known_hosts=known)).code == 255

    script = "for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done"
    fingerprints = (await deployment.fabric.run_script(vm_id("web1"), script)).stdout.splitlines()
    scanned = await run("ssh-keyscan", "-p", str(deployment.ssh_port("web1")), deployment.address)
    (tmp_path / "scanned").write_text(scanned.out)
    shown = await run("ssh-keygen", "-lf", str(tmp_path / "scanned"))
    assert sorted(line.split()[1] for line in fingerprints) == sorted(
        line.split()[1] for line in shown.out.splitlines()
    )
    serial = deployment.fabric.serial_log(vm_id("web1")).decode()
    block = serial.split("-----BEGIN SSH HOST KEY FINGERPRINTS-----")[1].split("-----END")[0]
    assert all(line in block for line in fingerprints)


async def test_a_key_logs_in_and_password_login_is_off_where_there_is_none(tmp_path: Path) -> None:
    key = tmp_path / "key"
    await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    public = key.with_suffix(".pub").read_text()
    async with running(
        tmp_path / "s", count=1, password=None, ssh_keys=(public,), custom_data=b"", speed=1000
    ) as deployment:
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        assert (await ssh(deployment, "id -un", key=key)).out == "azureuser\n"
        denied = await ssh(deployment, "id -un", password=PASSWORD)
        assert denied.code == 255
        assert "Permission denied (publickey)" in denied.err
        other = tmp_path / "other"
        await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other))
        assert (await ssh(deployment, "id -un", key=other)).code == 255


async def test_an_interactive_shell(deployment: Deployment) -> None:
    ran = await ssh(deployment, "", stdin="cd /etc\npwd\nnonsense\necho $?\nexit 3\n")
    assert ran.code == 3
    assert ran.out == "/etc\n127\n"
    assert "nonsense: command not found" in ran.err


async def test_a_denied_source_gets_no_answer_and_other_ports_are_closed(tmp_path: Path) -> None:
    rules = [allow("http", 100, "80", "127.0.0.1/32"), allow("ssh", 110, "22", "127.0.0.8/29")]
    async with running(tmp_path, rules=rules, interval=0.1, speed=1000) as deployment:
        await ready(deployment)
        assert (await curl(deployment)).code == 0
        denied = await curl(deployment, "--connect-timeout", "0.4", source="127.0.0.9")
        assert (denied.code, denied.out) == (28, "")  # curl: 28 is a time-out
        assert (await ssh(deployment, "hostname", source="127.0.0.9")).out == "web1\n"
        assert (await ssh(deployment, "hostname", source="127.0.0.1")).code == 255
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((deployment.address, 22), timeout=1)


async def test_a_changed_security_group_holds_at_once(deployment: Deployment) -> None:
    assert (await curl(deployment, source="127.0.0.77")).code == 0
    deployment.rules[0]["properties"]["sourceAddressPrefixes"] = ["127.0.0.1/32"]
    deployment.put("networkSecurityGroups", "nsg", {"securityRules": deployment.rules})

    async def denied() -> bool:
        return (await curl(deployment, "--connect-timeout", "0.3", source="127.0.0.77")).code == 28

    await until(denied)
    assert (await curl(deployment)).code == 0


async def test_a_stopped_machine_leaves_the_rotation_and_comes_back_with_its_disk(deployment: Deployment) -> None:
    fabric = deployment.fabric
    await ssh(deployment, "echo kept > note.txt")
    keys = await fabric.run_script(vm_id("web1"), "cat /etc/ssh/ssh_host_ed25519_key.pub")
    await fabric.power_off(vm_id("web1"))
    assert fabric.power_state(vm_id("web1")) == "stopped"
    await until(lambda: states(deployment) == ["Down", "Up"])

    async def only_web2() -> bool:
        return {served_by((await curl(deployment)).out) for _ in range(8)} == {"web2"}

    await until(only_web2)  # the choice follows the probes within milliseconds
    dropped = await run("curl", "-s", "-m", "0.4", f"http://{deployment.address}:{deployment.ssh_port('web1')}/")
    assert dropped.code == 28
    await fabric.power_on(vm_id("web1"))
    await ready(deployment)
    again = await fabric.run_script(vm_id("web1"), "cat /home/azureuser/note.txt /etc/ssh/ssh_host_ed25519_key.pub")
    assert again.stdout == f"kept\n{keys.stdout}"
    assert {served_by((await curl(deployment)).out) for _ in range(16)} == {"web1", "web2"}


async def test_all_probes_down_lets_nobody_in_and_established_flows_live(deployment: Deployment) -> None:
    reader, writer = await asyncio.open_connection(deployment.address, HTTP_PORT)

    async def ask() -> bytes:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 3)
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return head + await reader.readexactly(length)

    first = await ask()
    deployment.probe_path = "/nowhere"
    deployment.write_balancer()
    await until(lambda: states(deployment) == ["Down", "Down"])
    health = deployment.fabric.rule_health(network_id("loadBalancers", "lb"), "http")
    assert health[0].reason == "HTTP probe got 404; only 200 counts"

    async def dropped() -> bool:
        return (await curl(deployment, "--connect-timeout", "0.3")).code == 28

    await until(dropped)  # the filter follows the probes within milliseconds
    second = await ask()
    assert served_by(first.decode()) == served_by(second.decode()) != ""
    writer.close()
    await writer.wait_closed()


async def test_flows_to_a_dead_machine_are_lost_until_its_probe_notices(tmp_path: Path) -> None:
    """The balancer knows a machine by its probe alone, and a dead one does not even refuse."""
    async with running(tmp_path, interval=2.0, speed=1000) as deployment:
        await ready(deployment)

        async def both() -> bool:
            return {served_by((await curl(deployment)).out) for _ in range(8)} == {"web1", "web2"}

        await until(both)
        held = [await asyncio.open_connection(deployment.address, HTTP_PORT) for _ in range(12)]

        async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = (await asyncio.wait_for(reader.readuntil(b"</html>\n"), 3)).decode()
            return served_by(answer)

        before = [await ask(*one) for one in held]
        assert set(before) == {"web1", "web2"}
        await deployment.fabric.power_off(vm_id("web1"), skip_shutdown=True)
        codes = {one.code for one in await asyncio.gather(*(curl(deployment, "-m", "0.6") for _ in range(16)))}
        assert states(deployment)[0] == "Up", "not noticed yet"
        assert codes == {0, 28}, "answered by web2, or silence; never refused or reset"
        await until(lambda: states(deployment) == ["Down", "Up"])

        async def only_web2() -> bool:
            return {served_by((await curl(deployment)).out) for _ in range(8)} == {"web2"}

        await until(only_web2)  # the choice follows the probes within milliseconds
        for (reader, writer), vm in zip(held, before, strict=True):
            if vm == "web2":
                assert await ask(reader, writer) == "web2", "its flows go on"
            else:
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.05)
            writer.close()


async def test_a_member_that_is_administratively_down_keeps_its_flows_and_gets_no_new_one(
    deployment: Deployment,
) -> None:
    """What its probe finds does not count, and its NAT port is not concerned."""
    await until(lambda: states(deployment) == ["Up", "Up"])
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    before: list[str] = []

    async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return served_by((await asyncio.wait_for(reader.readuntil(b"</html>\n"), 3)).decode())

    async def both() -> bool:
        held.append(await asyncio.open_connection(deployment.address, HTTP_PORT))
        before.append(await ask(*held[-1]))
        return set(before) == {"web1", "web2"}

    await until(both)
    balancer = deployment.store.get(network_id("loadBalancers", "lb"))
    assert balancer is not None
    health = deployment.fabric.rule_health(balancer.id, "http")
    member = next(ids.key(one.nic_ip_configuration) for one in health if "web1" in one.nic_ip_configuration)
    pool = balancer.body["properties"]["backendAddressPools"][0]["name"]
    balancer.extra["adminStates"] = {pool: {member: "Down"}}
    deployment.store.put(balancer)
    await until(lambda: states(deployment) == ["Down", "Up"])
    assert deployment.fabric.rule_health(balancer.id, "http")[0].reason == "Down_Admin"

    async def only_web2() -> bool:
        return {served_by((await curl(deployment)).out) for _ in range(8)} == {"web2"}

    await until(only_web2)
    assert [await ask(*one) for one in held] == before, "flows stay where they began"
    assert (await ssh(deployment, "hostname")).out.strip() == "web1"
    for _, writer in held:
        writer.close()
    balancer.extra["adminStates"] = {pool: {member: "Up"}}
    deployment.store.put(balancer)
    await deployment.fabric.power_off(vm_id("web1"), skip_shutdown=True)
    await until(lambda: deployment.fabric.rule_health(balancer.id, "http")[0].reason == "Up_Admin")
    assert states(deployment) == ["Up", "Up"], "whatever its probe finds"


async def test_an_orderly_stop_closes_flows_and_a_hard_one_is_silent(deployment: Deployment) -> None:
    connections = []
    for name in deployment.names:
        reader, writer = await asyncio.open_connection(deployment.address, deployment.ssh_port(name))
        assert (await asyncio.wait_for(reader.readline(), 3)).startswith(b"SSH-2.0-OpenSSH_9.6p1 Ubuntu")
        connections.append((reader, writer))
    await deployment.fabric.power_off(vm_id("web1"))
    await deployment.fabric.power_off(vm_id("web2"), skip_shutdown=True)
    rest = asyncio.create_task(connections[1][0].read())
    await asyncio.wait_for(connections[0][0].read(), 3)  # ends
    done, _ = await asyncio.wait([rest], timeout=0.2)
    assert not done
    for _, writer in connections:
        writer.close()
    await deployment.fabric.remove_machine(vm_id("web2"))
    rest.cancel()


async def test_after_a_restart_of_the_sandbox_everything_is_as_it_was(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, interval=0.1, speed=1000)
    await deployment.start()
    await ready(deployment)
    keys = (await deployment.fabric.run_script(vm_id("web1"), "cat /etc/ssh/*.pub")).stdout
    await deployment.fabric.power_off(vm_id("web2"), deallocate=True)
    await deployment.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((deployment.address, HTTP_PORT), timeout=1)
    deployment.open_store()
    await deployment.fabric.start()
    await until(lambda: states(deployment) == ["Up", "Down"])
    await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
    assert deployment.fabric.power_state(vm_id("web2")) == "deallocated"
    assert (await deployment.fabric.run_script(vm_id("web1"), "cat /etc/ssh/*.pub")).stdout == keys
    assert served_by((await curl(deployment)).out) == "web1"
    assert (await ssh(deployment, "hostname")).out == "web1\n"
    await deployment.close()


async def test_machines_reach_each_other_inside_their_network_and_no_further(deployment: Deployment) -> None:
    fabric = deployment.fabric
    inside = await fabric.run_script(
        vm_id("web1"), "curl -s -o /dev/null -w '%{http_code}' http://10.0.1.5/; nc -z 10.0.1.5 22"
    )
    assert (inside.stdout, inside.exit_code) == ("200", 0)
    assert (await fabric.run_script(vm_id("web1"), "curl -s http://10.0.1.5:81/")).exit_code == 7
    assert (await fabric.run_script(vm_id("web1"), "curl -s -m 0.1 http://10.0.9.9/")).exit_code == 28
    deployment.rules.append(allow("no-neighbours", 120, "*", "VirtualNetwork", access="Deny"))
    deployment.rules[0]["properties"]["sourceAddressPrefixes"] = ["127.0.0.0/8"]
    deployment.put("networkSecurityGroups", "nsg", {"securityRules": deployment.rules})

    async def denied() -> bool:
        return (await fabric.run_script(vm_id("web1"), "curl -s -m 0.1 http://10.0.1.5/")).exit_code == 28

    await until(denied)
    verdict = fabric.explain(
        network_id("networkInterfaces", "web2-nic") + "/ipConfigurations/ipconfig1", "10.0.1.4", 80
    )
    assert verdict is not None
    assert verdict.rule == "no-neighbours"


async def test_many_writes_are_few_readings(deployment: Deployment) -> None:
    before, began = deployment.fabric.readings, time.monotonic()
    for _ in range(100):
        for number, name in enumerate(deployment.names):
            deployment.write_interface(name, number)
        await asyncio.sleep(0)
    elapsed = time.monotonic() - began
    await until(lambda: deployment.fabric.readings > before)
    assert deployment.fabric.readings - before <= elapsed / 0.02 + 2  # however many writes: one each 20 ms at most


async def test_a_taken_port_is_told(deployment: Deployment) -> None:
    with socket.socket() as taken:
        taken.bind((deployment.address, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "already in use" in (deployment.fabric.frontend_conflict(deployment.address, port) or "")
    assert deployment.fabric.frontend_conflict(deployment.address, HTTP_PORT) is None

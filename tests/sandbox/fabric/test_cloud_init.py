"""cloud-init on a machine's first boot, with and without a way out."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path

from tests.sandbox.fabric.azure_documents import Deployment, network_id, vm_id
from tests.sandbox.fabric.conftest import curl, running, until
from wizard.sandbox.fabric.cloudmerge import merge


async def script(deployment: Deployment, text: str) -> str:
    return (await deployment.fabric.run_script(vm_id("web1"), text)).stdout


async def finished(deployment: Deployment) -> str:
    await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
    return await script(deployment, "cloud-init status --wait --long")


CONFIG = f"""#cloud-config
write_files:
  - path: /opt/app/plain.txt
    content: plain
    permissions: "0640"
  - path: /opt/app/encoded.txt
    encoding: b64
    content: {base64.b64encode(b"from base64").decode()}
  - path: /opt/app/packed.txt
    encoding: gz+b64
    content: {base64.b64encode(gzip.compress(b"unpacked")).decode()}
  - path: /home/deploy/late.txt
    content: late
    owner: deploy:deploy
    defer: true
users:
  - default
  - name: deploy
    sudo: ALL=(ALL) NOPASSWD:ALL
    shell: /bin/bash
    ssh_authorized_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEqZ deploy"]
runcmd:
  - [sh, -c, "echo list $0 > /run/list.txt", form]
  - echo "$(hostname) $(whoami)" >> /run/runs.txt
"""


async def test_files_users_and_commands_once_per_machine(tmp_path: Path) -> None:
    async with running(tmp_path, count=1, custom_data=CONFIG.encode(), speed=1000) as deployment:
        assert "status: done" in await finished(deployment)
        found = await script(
            deployment,
            "cd /opt/app; cat plain.txt; echo; cat encoded.txt; echo; cat packed.txt; echo; stat -c %a plain.txt;"
            "stat -c %U /home/deploy/late.txt; cat /run/list.txt /run/runs.txt; sudo -u deploy sudo whoami;"
            "cut -d' ' -f3 /home/deploy/.ssh/authorized_keys",
        )
        assert found.split("\n") == [
            "plain", "from base64", "unpacked", "640", "deploy", "list form", "web1 root", "root", "deploy", "",
        ]  # fmt: skip
        await deployment.fabric.restart(vm_id("web1"))
        assert "status: done" in await finished(deployment)
        assert await script(deployment, "cat /run/runs.txt") == "web1 root\n"


async def test_without_a_way_out_nothing_is_installed_and_the_serial_log_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, count=1, outbound=False, speed=2000) as deployment:
        status = await finished(deployment)
        assert "status: error" in status
        assert "package_update_upgrade_install" in status
        serial = deployment.fabric.serial_log(vm_id("web1")).decode()
        assert "Could not connect to azure.archive.ubuntu.com:80, connection timed out" in serial
        assert "nginx: command not found" not in serial
        assert await script(deployment, "ss -ltn | grep -c ':80 '; systemctl is-active nginx") == "0\ninactive\n"
        await until(lambda: deployment.fabric.rule_health(network_id("loadBalancers", "lb"), "http")[0].state == "Down")
        assert (await curl(deployment, "--connect-timeout", "0.3")).code == 28


async def test_an_outbound_rule_of_the_balancer_is_a_way_out(tmp_path: Path) -> None:
    deployment = Deployment(tmp_path, count=1, outbound=False, speed=2000)
    lb = network_id("loadBalancers", "lb")
    deployment.write()
    document = deployment.store.get(lb)
    assert document is not None
    document.body["properties"]["outboundRules"] = [{"name": "out", "properties": {
        "frontendIPConfigurations": [{"id": f"{lb}/frontendIPConfigurations/fe"}],
        "backendAddressPool": {"id": f"{lb}/backendAddressPools/be"}, "protocol": "All"}}]  # fmt: skip
    deployment.store.put(document)
    await deployment.fabric.start()
    deployment.create_machines()
    await deployment.fabric.power_on(vm_id("web1"))
    assert "status: done" in await finished(deployment)
    assert (await script(deployment, "curl -s -o /dev/null -w '%{http_code}' http://localhost/")) == "200"
    await deployment.close()


async def test_what_is_wrong_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    wrong = (
        "#cloud-config\npackages: [no-such-package]\nwrite_files:\n  - content: no path\n"
        "runcmd:\n  - echo ran > /run/ran\n"
    )
    async with running(tmp_path, count=1, custom_data=wrong.encode(), speed=1000) as deployment:
        status = await finished(deployment)
        assert "write_files" in status
        assert "E: Unable to locate package no-such-package" in await script(
            deployment, "cat /var/log/cloud-init-output.log"
        )
        assert await script(deployment, "cat /run/ran") == "ran\n"


async def test_a_script_as_user_data_and_none_at_all(tmp_path: Path) -> None:
    async with running(
        tmp_path / "a", count=1, custom_data=b"#!/bin/sh\nset -e\necho $0 > /run/s\nfalse\n"
    ) as deployment:
        assert "status: error" in await finished(deployment)
        assert await script(deployment, "wc -l < /run/s") == "1\n"
    async with running(tmp_path / "b", count=1, custom_data=b"") as deployment:
        assert "status: done" in await finished(deployment)
    async with running(tmp_path / "c", count=1, custom_data=b"#cloud-config\n\t: [") as deployment:
        assert "status: error" in await finished(deployment)


async def test_a_broken_site_keeps_nginx_from_starting_as_it_would(tmp_path: Path) -> None:
    broken = (
        b"#cloud-config\npackages: [nginx]\nwrite_files:\n  - path: /etc/nginx/conf.d/x.conf\n"
        b"    content: 'server { listen 80; retrun 200; }'\n"
    )
    async with running(tmp_path, count=1, custom_data=broken, speed=1000) as deployment:
        assert "status: error" in await finished(deployment)
        told = await deployment.fabric.run_script(vm_id("web1"), "nginx -t; rm /etc/nginx/conf.d/x.conf; nginx -t")
        assert 'unknown directive "retrun" in /etc/nginx/conf.d/x.conf:1' in told.stderr
        assert told.exit_code == 0
        assert await script(
            deployment, "systemctl start nginx; curl -s http://localhost/ | grep -o '<title>.*</title>'"
        ) == ("<title>Welcome to nginx!</title>\n")


def _message(*parts: tuple[str, str]) -> bytes:
    """A multi-part message of (header lines, text)."""
    body = "".join(f"--=B=\n{head}\n\n{text}\n" for head, text in parts)
    return f'Content-Type: multipart/mixed; boundary="=B="\nMIME-Version: 1.0\n\n{body}--=B=--\n'.encode()


async def test_the_parts_of_a_message_are_merged_before_anything_runs(tmp_path: Path) -> None:
    ours = "#cloud-config\nwrite_files:\n  - {path: /run/a, content: ours}\nruncmd: [echo ours >> /run/order]\n"
    own = "#cloud-config\nwrite_files:\n  - {path: /run/a, content: own}\nruncmd: [echo own >> /run/order]\n"
    data = _message(
        ("Content-Type: text/cloud-config", ours),
        ("Content-Type: text/cloud-config\nMerge-Type: list(append)+dict(no_replace,recurse_list)+str()", own),
        ("Content-Type: text/x-shellscript", "#!/bin/sh\necho script >> /run/order\n"),
    )
    async with running(tmp_path, count=1, custom_data=data, speed=1000) as deployment:
        assert "status: done" in await finished(deployment)
        assert await script(deployment, "cat /run/a; echo; cat /run/order") == "own\nscript\nours\nown\n"


def test_merging_as_cloud_init_documents_it() -> None:
    base = {"a": [1], "b": {"x": 1, "y": "old"}, "c": True}
    assert merge(base, {"a": [2], "d": 1}) == {"a": [2], "b": base["b"], "c": True, "d": 1}
    appended = "list(append)+dict(no_replace,recurse_list,recurse_str)+str()"
    assert merge(base, {"a": [2], "b": {"y": "new", "z": 3}, "c": False}, appended) == {
        "a": [1, 2],
        "b": {"x": 1, "y": "new", "z": 3},
        "c": True,
    }
    own = {"a": [2], "merge_how": [{"name": "list", "settings": []}, {"name": "dict", "settings": ["recurse_list"]}]}
    assert merge(base, own, appended)["a"] == [2]
    assert merge(base, {"a": None, "merge_how": "dict(allow_delete)"}) == {"b": base["b"], "c": True}
    assert base == {"a": [1], "b": {"x": 1, "y": "old"}, "c": True}

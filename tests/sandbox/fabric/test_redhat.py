"""Red Hat's machines: their firewall, SELinux and dnf stand between a web server and its clients."""

from __future__ import annotations

from pathlib import Path

from tests.sandbox.fabric.azure_documents import Deployment, vm_id
from tests.sandbox.fabric.conftest import curl, running, states, until
from wizard.blueprint import userdata
from wizard.plan.model import Machines, Plan

RHEL = "RedHat:RHEL:9-lvm-gen2:latest"


async def script(deployment: Deployment, text: str) -> str:
    return (await deployment.fabric.run_script(vm_id("web1"), text)).stdout


async def test_our_page_opens_what_it_needs_and_nothing_else_is_open(tmp_path: Path) -> None:
    data = userdata.user_data(Plan(machines=Machines(image="rhel-9")))
    async with running(tmp_path, count=1, custom_data=data, image=RHEL, speed=1000) as deployment:
        await until(lambda: states(deployment) == ["Up"])
        assert "status: done" in await script(deployment, "cloud-init status --wait")
        assert "X-Served-By: web1" in (await curl(deployment)).out
        assert await script(deployment, "getenforce; firewall-cmd --list-ports; which apt-get || echo none") == (
            "Enforcing\n80/tcp\nnone\n"
        )
        await script(deployment, "firewall-cmd --remove-port=80/tcp")
        await until(lambda: states(deployment) == ["Down"])
        assert await script(deployment, "curl -s -o /dev/null -w '%{http_code}' http://localhost/") == "200"
        await script(deployment, "firewall-cmd --reload")
        await until(lambda: states(deployment) == ["Up"])
        await script(deployment, "systemctl stop firewalld; firewall-cmd --state")
        assert await script(deployment, "systemctl is-active firewalld") == "inactive\n"


async def test_selinux_keeps_nginx_from_other_ports_until_told(tmp_path: Path) -> None:
    plain = b"#cloud-config\npackages: [nginx]\n"
    async with running(tmp_path, count=1, custom_data=plain, image=RHEL, speed=1000) as deployment:
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        assert "status: done" in await script(deployment, "cloud-init status --wait")
        assert await script(deployment, "systemctl is-active nginx; command -v semanage || echo none") == (
            "inactive\nnone\n"
        )
        refused = await deployment.fabric.run_script(
            vm_id("web1"), "echo 'server { listen 8200; }' > /etc/nginx/conf.d/a.conf; systemctl start nginx"
        )
        assert refused.exit_code == 1
        assert "bind() to 0.0.0.0:8200 failed (13: Permission denied)" in (
            deployment.fabric.serial_log(vm_id("web1")).decode()
        )
        told = "dnf install -y policycoreutils-python-utils && semanage port -a -t http_port_t -p tcp 8200"
        await script(deployment, f"{told} && systemctl start nginx")
        assert await script(deployment, "systemctl is-active nginx") == "active\n"


async def test_without_a_way_out_dnf_says_so(tmp_path: Path) -> None:
    async with running(
        tmp_path, count=1, custom_data=b"#cloud-config\npackages: [nginx]\n", image=RHEL, outbound=False, speed=2000
    ) as deployment:
        await until(lambda: deployment.fabric.agent_ready(vm_id("web1")))
        assert "status: error" in await script(deployment, "cloud-init status --wait")
        assert "Cannot download repomd.xml" in deployment.fabric.serial_log(vm_id("web1")).decode()

"""The sandbox's process: takes the lock, opens everything in order, tells that it is there, and closes in reverse."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

from aiohttp import web

from wizard.errors import WizardError
from wizard.home import write_atomically
from wizard.release import version
from wizard.sandbox import address, ca, control
from wizard.sandbox.arm.compute.scale_set_watch import Watch
from wizard.sandbox.arm.insights.agents import Agents
from wizard.sandbox.arm.insights.monitor import Monitor
from wizard.sandbox.arm.operations import Operations
from wizard.sandbox.arm.registry import Registry
from wizard.sandbox.arm.requests_log import RequestsLog
from wizard.sandbox.arm.server import Server
from wizard.sandbox.authority import Authority
from wizard.sandbox.catalog import Catalog
from wizard.sandbox.faults_channel import Channel
from wizard.sandbox.store import Json, Store
from wizard.sandbox.world import World

SPEEDS = (0.1, 1000.0)
PUBLIC_IP = "Microsoft.Network/publicIPAddresses"
BACKLOG = 1024  # 200 VMs' pollers open their connections side by side


async def run(speed: float, faults: str = "") -> None:
    """Serve until SIGTERM or SIGINT. `faults` is TOML, see `faults_file`. WizardError when it cannot start."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s: %(message)s")
    _check_speed(speed)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ending.set)
    with _lock():
        async with serve(speed) as (world, state):
            channel = Channel(world)
            channel.begin(faults)
            _tell(state)

            def change_speed() -> None:
                with contextlib.suppress(OSError, ValueError, WizardError):
                    wanted = float(control.speed_file().read_text())
                    _check_speed(wanted)
                    world.speed = wanted
                    _tell({**state, "speed": _whole(wanted)})

            def told() -> None:
                change_speed()
                channel.take()

            loop.add_signal_handler(signal.SIGHUP, told)
            await ending.wait()


@contextlib.asynccontextmanager
async def serve(speed: float) -> AsyncIterator[tuple[World, control.State]]:
    """Everything that a running sandbox is, in this process; the caller holds the lock."""
    async with contextlib.AsyncExitStack() as stack:
        folder = control.folder()
        store = Store(folder / "state.sqlite")
        stack.callback(store.close)
        held = _network(store)
        stack.callback(held.release)
        settings = _settings(store, held)
        url = f"https://{held.arm}:{settings['port']}"
        certificates = ca.prepare(folder, held.arm)
        world = _world(store, settings, url, speed, held.network)
        registry = Registry(world)
        world.operations.attach(world, registry)
        authority = Authority(folder, url, settings["tenant"], settings["client"], world.clock)
        requests = RequestsLog(folder / "requests.jsonl")
        stack.callback(requests.close)
        _follow_network(world)
        await world.fabric.start()
        stack.push_async_callback(world.fabric.close)
        monitor = Monitor(world)
        monitor.start()
        stack.callback(monitor.close)
        agents = Agents(world)
        agents.start()
        stack.callback(agents.close)
        world.operations.resume()
        watch = Watch(world)
        watch.start()
        stack.push_async_callback(watch.close)
        stack.push_async_callback(world.operations.close)
        runner = Server(world, authority, registry, requests).runner()
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        context = certificates.server_context()
        await web.TCPSite(runner, held.arm, settings["port"], ssl_context=context, backlog=BACKLOG).start()
        yield world, _state(settings, folder, certificates, url, speed)


def _state(settings: Json, folder: Path, certificates: ca.Certificates, url: str, speed: float) -> control.State:
    return {
        "arm": url,
        "authority": url,
        "tenant": settings["tenant"],
        "subscription": settings["subscription"],
        "client_id": settings["client"],
        "client_secret_file": str(folder / "client-secret"),
        "ca": str(certificates.authority),
        "ca_bundle": str(certificates.bundle),
        "requests_log": str(folder / "requests.jsonl"),
        "pid": os.getpid(),
        "speed": _whole(speed),
        "network": settings["network"],
        "version": version(),
    }


def _world(store: Store, settings: Json, url: str, speed: float, network: str) -> World:
    from wizard.sandbox.fabric.fabric import Fabric

    world = World(
        store=store,
        catalog=Catalog(),
        subscription=settings["subscription"],
        tenant=settings["tenant"],
        speed=speed,
        arm_url=url,
        network=network,
        operations=Operations(store),
        fabric=cast("Fabric", None),  # the fabric is made of the world it belongs to
    )
    world.fabric = Fabric(world)
    return world


def _follow_network(world: World) -> None:
    """The fabric brings itself in line after each change of a network document."""

    def changed(_what: str, document: object) -> None:
        if str(getattr(document, "type", "")).lower().startswith("microsoft.network/"):
            world.fabric.network_changed()

    world.store.listeners.append(changed)


def _network(store: Store) -> address.Held:
    kept = (store.read("setting", "sandbox") or {}).get("network")
    return address.hold(control.folder(), kept, must_keep=bool(store.of_type(PUBLIC_IP)))


def _settings(store: Store, held: address.Held) -> Json:
    """What is made at first start and kept: subscription, tenant, client and address."""
    kept = store.read("setting", "sandbox") or {}
    settings = {
        "subscription": kept.get("subscription") or str(uuid.uuid4()),
        "tenant": kept.get("tenant") or str(uuid.uuid4()),
        "client": kept.get("client") or str(uuid.uuid4()),
        "network": held.network,
        "port": address.free_port(held.arm, kept.get("port")),
    }
    store.write("setting", "sandbox", settings)
    return settings


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    """One sandbox for one state folder."""
    descriptor = os.open(control.lock_file(), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WizardError("Another sandbox runs for this state folder.", str(control.folder())) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _tell(state: control.State) -> None:
    write_atomically(control.state_file(), json.dumps(state, indent=1))


def _check_speed(speed: float) -> None:
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise WizardError(f"A speed of {speed:g} is out of range.", f"It is {SPEEDS[0]:g} to {SPEEDS[1]:g}.")


def _whole(speed: float) -> int | float:
    return int(speed) if speed == int(speed) else speed

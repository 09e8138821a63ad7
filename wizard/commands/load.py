"""`load [NAME | --url URL]`: send HTTP load and tell which VM answered.

It holds no deployment: it writes nothing, and a load beside a drill or a scaling is what one wants to see.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from wizard.commands import output
from wizard.errors import InputError, WizardError

if TYPE_CHECKING:
    from wizard.deploy.record import Record
    from wizard.verify.load import LoadResult
    from wizard.verify.load.job import Client


@click.command(short_help="Send HTTP load and tell which VM answered.")
@click.argument("name", required=False)
@click.option("--url", help="A page to load instead of a deployment's.")
@click.option("--rate", type=float, metavar="R", help="Requests a second, whatever the server does (an open loop).")
@click.option("--duration", type=float, default=10.0, show_default=True, metavar="S", help="Seconds, up to 3600.")
@click.option(
    "--connections", type=int, default=50, show_default=True, metavar="C", help="Connections at one time, up to 10000."
)
@click.option("--keep-alive", is_flag=True, help="Use a connection again. Left out: a new one for every request.")
@click.option("--requests", type=int, metavar="N", help="Stop after so many, if the duration does not come first.")
@click.option("--warmup", type=float, default=0.0, metavar="S", help="Seconds sent first and not counted.")
@click.option(
    "--workers", type=int, default=1, show_default=True, metavar="W", help="Processes that send; at most one per core."
)
@click.option("--timeout", type=float, default=10.0, show_default=True, metavar="S", help="Seconds without an answer.")
@click.option("--header", default="X-Served-By", show_default=True, help="The answer's header that names the VM.")
@click.option("--insecure", is_flag=True, help="Do not verify the certificate of an https URL.")
@click.option("--ca", type=click.Path(exists=True, dir_okay=False), help="Certificates to trust too, a PEM file.")
@click.option(
    "--client",
    type=click.Choice(["lean", "httpx"]),
    default="lean",
    show_default=True,
    help="What sends: our own transport, or httpx as it comes, for comparison.",
)
@click.option(
    "--expect",
    multiple=True,
    metavar="EXPR",
    help="What must hold, such as p99<200ms, errors<0.1%, vms==2, rps>500. May be given more than once.",
)
@output.json_option
@output.guarded
def command(
    *,
    name: str | None,
    url: str | None,
    rate: float | None,
    duration: float,
    connections: int,
    keep_alive: bool,
    requests: int | None,
    warmup: float,
    workers: int,
    timeout: float,
    header: str,
    insecure: bool,
    ca: str | None,
    client: Client,
    expect: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send HTTP load to the deployment NAME (left out: the one last worked on) or to a URL, and count the answers.

    A balancer picks a VM for each connection, so the spread over the VMs shows with new connections, which are the
    default. Exit status 1 when an expectation is not met, or when nothing was answered at all.
    """
    from wizard.verify import load
    from wizard.verify.load import expect as expectations
    from wizard.verify.load.engine import check

    out = output.Output(as_json)
    if name is not None and url is not None:
        raise InputError("NAME and --url exclude each other.", "", "Name a deployment, or give a URL.")
    expected = [expectations.parse(text) for text in expect]
    check(url or "http://deployment/", duration, connections, rate, requests=requests, workers=workers)
    target, vms = (url, ()) if url is not None else _deployment(name, out)
    loop = f"{rate:g} requests/s, at most {connections} in flight" if rate is not None else f"{connections} connections"
    out.say(f"Loading {target} for {duration:g} s: {loop}, {'kept alive' if keep_alive else 'a new one each time'}.")
    done = output.run(
        load.run(
            target,
            duration_s=duration,
            connections=connections,
            rate=rate,
            keep_alive=keep_alive,
            vms=vms,
            header=header,
            requests=requests,
            warmup_s=warmup,
            timeout_s=timeout,
            connect_timeout_s=timeout,
            insecure=insecure,
            ca=ca,
            client=client,
            workers=workers,
        )
    )
    out.data(done.as_event(), _text(done))
    judged = [expectations.judge(one, done) for one in expected]
    for verdict in judged:
        sign, word = ("✓", "met") if verdict.met else ("✗", "not met")
        out.data(verdict.as_event(), f"{sign} {verdict.expect}: {word}, measured {verdict.measured}")
    if done.errors == done.requests or not all(verdict.met for verdict in judged):
        sys.exit(1)


def _deployment(name: str | None, out: output.Output) -> tuple[str, tuple[str, ...]]:
    """A deployment's page and its VMs' names."""
    from wizard.deploy import record

    known = record.load(name)
    record.remember_last(known.name)
    out.beside(known.name)
    http, vms = output.run(_page(known))
    if not http:
        raise WizardError(
            f"{known.name} answers nowhere.",
            "Its load balancer is not there, or has no public address.",
            f"See what is there: multivm-wizard status {known.name}",
        )
    return f"{http}/", vms


async def _page(known: Record) -> tuple[str, tuple[str, ...]]:
    from wizard import blueprint
    from wizard.deploy import endpoints, journey, members

    async with journey.open_cloud(known.plan.cloud, known.subscription) as azure:
        reach = await endpoints.read(azure, blueprint.build(known.plan, known.subscription))
        return reach.http, await members.page_names(known, azure)


def _text(done: LoadResult) -> str:
    errors = f"{done.errors} errors"
    if done.errors_by_kind:
        errors += f" ({', '.join(f'{count} {kind}' for kind, count in sorted(done.errors_by_kind.items()))})"
    lines = [f"{done.requests} requests in {done.seconds:.1f} s: {done.rps:.0f} good answers a second, {errors}"]
    if done.offered_rps is not None:
        lines.append(
            f"  offered {done.offered_rps:g}/s, {done.dropped} dropped for want of a connection, {done.late} sent late"
        )
    lines += [f"  {count} redirected to {where or 'nowhere'}" for where, count in done.redirects.items()]
    if done.stale_retries:
        lines.append(f"  {done.stale_retries} sent again: the server had closed their kept-alive connection")
    if done.p50_ms is not None:
        since = "since it was due" if done.offered_rps is not None else "since it was sent"
        figures = (("p50", done.p50_ms), ("p90", done.p90_ms), ("p99", done.p99_ms), ("p99.9", done.p999_ms))
        told = ", ".join(f"{name} {value:.1f}" for name, value in (*figures, ("max", done.max_ms)))
        lines.append(f"  latency in ms {since}: {told}")
    total = sum(done.by_vm.values())
    lines += [f"  {vm:<24} {count:>8}  {100 * count / max(total, 1):5.1f} %" for vm, count in done.by_vm.items()]
    if done.unnamed:
        lines.append(f"  {'(not named)':<24} {done.unnamed:>8}")
    if done.spread_p_value is not None:
        lines.append(f"  chance alone spreads connections this unevenly or more with p = {done.spread_p_value:.3g}")
    return "\n".join(lines)

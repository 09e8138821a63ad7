"""A worker process of the load engine: `python -m wizard.verify.load.worker`.

Standard input: the job as one line of JSON, then "go", then "stop" or the end of the input, which stops it too: a
worker never outlives whoever started it. Standard output, a line of JSON each: {"ready": true}, then reports of what is
new since the last ({"at": seconds since "go", "tally": {...}}), then {"end": true}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from typing import Any

from wizard.verify.load.generator import Generator
from wizard.verify.load.job import Job
from wizard.verify.load.series import REPORT_S


def tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


async def work(job: Job) -> None:
    """Wait for "go", send the load, report."""
    loop = asyncio.get_running_loop()
    going = asyncio.Event()
    generator = Generator(job)

    def listen() -> None:
        # A thread: pipes cannot be read by every event loop on every system, and this reads three lines in its life.
        for line in sys.stdin:
            if line.strip() == "go":
                loop.call_soon_threadsafe(going.set)
            else:
                break
        loop.call_soon_threadsafe(generator.stop)
        loop.call_soon_threadsafe(going.set)

    threading.Thread(target=listen, daemon=True).start()
    tell({"ready": True})
    await going.wait()
    began, cpu = time.perf_counter(), time.process_time()
    sending = asyncio.create_task(generator.run())
    while not sending.done():
        await asyncio.wait([sending], timeout=REPORT_S)
        now_cpu = time.process_time()
        tally = generator.report()
        tally.cpu_seconds, cpu = now_cpu - cpu, now_cpu
        tell({"at": round(time.perf_counter() - began, 4), "tally": tally.as_json()})
    sending.result()
    tell({"end": True})


def main() -> None:
    job = Job(**json.loads(sys.stdin.readline()))
    try:
        import uvloop
    except ImportError:  # not made for every platform; asyncio's own loop is about half as fast
        asyncio.run(work(job))
    else:
        uvloop.run(work(job))


if __name__ == "__main__":
    main()

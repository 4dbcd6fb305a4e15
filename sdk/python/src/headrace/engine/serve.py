"""The engine host: `python -m headrace.engine.serve`, started by `headrace` in the engine's folder.

The environment names the inherited socket (HEADRACE_LINK_FD). The process ends with status 0 when
it was drained or its parent has gone, 3 when the engine could not be loaded, 4 when the link broke
its own rules; its reasons go to standard error.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import queue
import signal
import socket
import sys
import threading
import traceback
from functools import partial
from pathlib import Path

from headrace._version import VERSION
from headrace.engine import stdio
from headrace.engine.base import EngineInfo
from headrace.engine.entry import Entry, load_entry, peek_slots
from headrace.engine.host import EXIT_PROTOCOL, Group, Host, SocketChannel
from headrace.engine.interface import Interface
from headrace.engine.io import set_spool_directory
from headrace.engine.protocol import PROTOCOL, Credit, Drain, Hello, Offer, Start, Welcome
from headrace.engine.replies import encode_replies, send_replies
from headrace.engine.runner import Outcome, Runner, failure_of
from headrace.engine.transfer import Spool

EXIT_SETUP_FAILED = 3


def main() -> None:
    fd = os.environ.pop("HEADRACE_LINK_FD", "")
    if not fd.isdigit():
        sys.exit("headrace.engine.serve is started by headrace itself: HEADRACE_LINK_FD is not set")
    os.set_inheritable(int(fd), False)
    with socket.socket(fileno=int(fd)) as sock:
        serve(sock)


def serve(sock: socket.socket) -> None:
    # A terminal's Ctrl-C reaches the whole process group; the parent decides what becomes of us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    spool = Spool()
    set_spool_directory(spool.path)
    host = Host(SocketChannel(sock), Interface.parse("{}"), spool)
    start = host.receive()
    if not isinstance(start, Start) or start.offer is None:
        print("headrace: the first frame is no start", file=sys.stderr)
        host.leave(EXIT_PROTOCOL)
    offer: Offer = start.offer
    host.interface = Interface.parse(offer.interface)
    directory = Path(start.directory or os.environ.get("HEADRACE_ENGINE_DIR", "."))
    slots = peek_slots(directory, start.entry, offer.slots)
    host.send(
        Hello(
            protocol=PROTOCOL,
            name=start.worker_name or offer.capability,
            host=platform.node(),
            pid=os.getpid(),
            kit=f"python {VERSION}",
            offers=[offer],
            slots=slots,
            batch_limit=min(max(offer.max_batch, 1), 64),
        )
    )
    welcome = host.receive()
    if not isinstance(welcome, Welcome) or welcome.error:
        reason = welcome.error if isinstance(welcome, Welcome) else "no welcome came"
        print(f"headrace: refused: {reason}", file=sys.stderr)
        host.leave(EXIT_PROTOCOL)
    stdio.install()
    host.deliver = lambda _: host.leave()  # a drain, as nothing can be leased yet
    host.start(welcome)
    try:
        entry = _set_up(directory, start, offer)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        host.leave(EXIT_SETUP_FAILED)
        raise
    _on_sigterm(host)
    if entry.is_async:
        asyncio.run(_run_async(host, entry, slots))
    else:
        _run_plain(host, entry)
    if entry.instance is not None:
        entry.instance.teardown()
    sys.stdout.flush()
    host.leave()


def _set_up(directory: Path, start: Start, offer: Offer) -> Entry:
    entry = load_entry(directory, start.entry)
    if entry.instance is not None and hasattr(entry.instance, "setup"):
        entry.instance.info = EngineInfo(
            offer.capability,
            offer.version,
            json.loads(offer.interface or "{}"),
            max(offer.slots, 1),
            max(offer.max_batch, 1),
        )
        entry.instance.setup()
    return entry


def _on_sigterm(host: Host) -> None:
    def drain(*_: object) -> None:
        # In a thread: the handler may have interrupted a send, which holds the lock.
        threading.Thread(target=_drain, args=(host,), daemon=True).start()

    signal.signal(signal.SIGTERM, drain)


def _drain(host: Host) -> None:
    host.send(Drain("terminated"))
    host.drain()


def _load(host: Host, group: Group) -> list[Outcome | None]:
    """Decodes the inputs of each job; an outcome stands for the job whose inputs are no good."""
    loaded: list[Outcome | None] = []
    for job in group.jobs:
        try:
            job.check_cancelled()
            job.load(host.interface)
            loaded.append(None)
        except BaseException as error:
            loaded.append(Outcome(None, failure_of(job, error, host.interface.errors)))
    return loaded


def _merge(loaded: list[Outcome | None], ran: list[Outcome]) -> list[Outcome]:
    rest = iter(ran)
    return [outcome if outcome is not None else next(rest) for outcome in loaded]


def _run_plain(host: Host, entry: Entry) -> None:
    """Runs one batch after another on this thread, until drained."""
    runner = Runner(entry, host.interface, host)
    groups: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
    host.deliver = groups.put
    more = Credit([0], 1)
    host.send(more)
    while (group := groups.get()) is not None:
        loaded = _load(host, group)
        jobs = [job for job, outcome in zip(group.jobs, loaded, strict=True) if outcome is None]
        ran = runner.run(jobs, jobs[0].session) if jobs else []
        send_replies(host, encode_replies(host, group.jobs, _merge(loaded, ran)), more)


async def _run_async(host: Host, entry: Entry, slots: int) -> None:
    """Runs up to `slots` batches as tasks of one loop, until drained."""
    runner = Runner(entry, host.interface, host)
    loop = asyncio.get_running_loop()
    drained = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    def begin(group: Group | None) -> None:
        if group is None:
            drained.set()
            return
        task = loop.create_task(_run_group(host, runner, group))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def deliver(group: Group | None) -> None:
        loop.call_soon_threadsafe(begin, group)

    host.deliver = deliver
    host.send(Credit([0], slots))
    await drained.wait()
    while tasks:
        await asyncio.wait(tasks)


async def _run_group(host: Host, runner: Runner, group: Group) -> None:
    loop = asyncio.get_running_loop()
    loaded = _load(host, group)
    jobs = [job for job, outcome in zip(group.jobs, loaded, strict=True) if outcome is None]
    ran: list[Outcome] = []
    if jobs:
        running = loop.create_task(runner.run_async(jobs, jobs[0].session))

        def stop() -> None:
            if all(job.cancelled for job in jobs):
                running.cancel()

        for job in jobs:
            job.add_callback(partial(loop.call_soon_threadsafe, stop))
        try:
            ran = await running
        except asyncio.CancelledError as error:  # before it had begun
            ran = [Outcome(None, failure_of(job, error, host.interface.errors)) for job in jobs]
    replies = encode_replies(host, group.jobs, _merge(loaded, ran))
    more = Credit([0], 1)
    if any(reply.in_chunks for reply in replies):
        await asyncio.to_thread(send_replies, host, replies, more)
    else:
        send_replies(host, replies, more)


if __name__ == "__main__":
    main()

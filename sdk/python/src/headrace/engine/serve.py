"""The engine host: `python -m headrace.engine.serve`, started by `headrace` in the engine's folder.

The environment names the inherited socket (HEADRACE_LINK_FD). The process ends with status 0 when
it was drained or its parent has gone, 3 when the engine could not be loaded, 4 when the link broke
its own rules; its reasons go to standard error.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

from headrace._version import VERSION
from headrace.engine import stdio
from headrace.engine.base import EngineInfo
from headrace.engine.entry import Entry, load_entry, peek_slots
from headrace.engine.host import EXIT_PROTOCOL, Group, Host, SocketChannel
from headrace.engine.interface import Interface
from headrace.engine.io import set_spool_directory
from headrace.engine.protocol import PROTOCOL, Credit, Drain, Hello, Offer, Start, Welcome
from headrace.engine.replies import encode_replies, load_jobs, merge, send_replies
from headrace.engine.runner import Runner
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
    set_spool_directory(spool.directory)
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
            host=os.uname().nodename,
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
        from headrace.engine.coroutines import serve_async

        serve_async(host, entry, slots)
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
            json.loads(start.settings or "{}"),
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


def _run_plain(host: Host, entry: Entry) -> None:
    """Runs one batch after another on this thread, until drained."""
    runner = Runner(entry, host.interface, host)
    groups: queue.SimpleQueue[Group | None] = queue.SimpleQueue()
    host.deliver = groups.put
    more = Credit([0], 1)
    host.send(more)
    while (group := groups.get()) is not None:
        loaded = load_jobs(host, group.jobs)
        jobs = [job for job, outcome in zip(group.jobs, loaded, strict=True) if outcome is None]
        ran = runner.run(jobs, jobs[0].session) if jobs else []
        send_replies(host, encode_replies(host, group.jobs, merge(loaded, ran)), more)


if __name__ == "__main__":
    main()

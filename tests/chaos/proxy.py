"""A TCP proxy in front of one port that can be told to misbehave: what a bad network does, without root."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import threading
import time
from collections import deque

PIECE = 65536


class Link:
    """One connection through the proxy: two sockets, and what is under way in each direction."""

    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.ends = {near: far, far: near}
        self.queues: dict[socket.socket, deque[tuple[float, bytes]]] = {near: deque(), far: deque()}
        self.half_open = False  # nothing passes any more, and nobody is told

    def close(self, reset: bool = False) -> None:
        for end in self.ends:
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                end.close()


class Proxy:
    """Listens on a port of its own. Settings may be changed while it runs."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target = target
        self.delay = 0.0  # seconds each way
        self.jitter = 0.0
        self.rate = 0  # bytes a second each way; 0: no bound
        self.partitioned = False  # new connections hang, old ones pass nothing
        self.rng = random.Random(seed)
        self.links: set[Link] = set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.listener.setblocking(False)
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.thread.join(5)
        for link in list(self.links):
            link.close()
        self.listener.close()

    # --- faults on what is open now ----------------------------------------------------------------

    def half_open(self) -> None:
        """Every open link passes nothing any more; both ends believe that it is there."""
        with self.lock:
            for link in self.links:
                link.half_open = True

    def reset(self) -> None:
        with self.lock:
            for link in list(self.links):
                self._drop(link, reset=True)

    def heal(self) -> None:
        """Links that were half open are reset, as when an address comes back; the rest passes again."""
        self.delay = self.jitter = 0.0
        self.rate = 0
        self.partitioned = False
        with self.lock:
            for link in [link for link in self.links if link.half_open]:
                self._drop(link, reset=True)

    # --- passing bytes -----------------------------------------------------------------------------

    def _drop(self, link: Link, reset: bool = False) -> None:
        for end in link.ends:
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(end)
        self.links.discard(link)
        link.close(reset)

    def _serve(self) -> None:
        while not self.closing.is_set():
            ready = self.selector.select(0.005)
            with self.lock:
                for key, _ in ready:
                    if key.fileobj is self.listener:
                        self._accept()
                    elif key.data in self.links:
                        self._take(key.data, key.fileobj)  # type: ignore[arg-type]
                self._pass_on()
            if self.rate or self.partitioned:
                time.sleep(0.005)

    def _accept(self) -> None:
        try:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.target), timeout=2)
        except OSError:
            with contextlib.suppress(UnboundLocalError):
                near.close()
            return
        link = Link(near, far)
        link.half_open = self.partitioned
        for end in (near, far):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.selector.register(end, selectors.EVENT_READ, link)
        self.links.add(link)

    def _take(self, link: Link, end: socket.socket) -> None:
        other = link.ends[end]
        if link.half_open or self.partitioned or len(link.queues[other]) > 64:
            time.sleep(0.001)
            return
        try:
            piece = end.recv(min(PIECE, max(1, self.rate // 100)) if self.rate else PIECE)
        except BlockingIOError:
            return
        except OSError:
            self._drop(link, reset=True)
            return
        if not piece:
            self._drop(link)
            return
        due = time.monotonic() + self.delay + self.rng.uniform(0, self.jitter)
        queue = link.queues[other]
        queue.append((max(due, queue[-1][0]) if queue else due, piece))

    def _pass_on(self) -> None:
        now = time.monotonic()
        for link in list(self.links):
            if link.half_open or self.partitioned:
                continue
            for end, queue in link.queues.items():
                while queue and queue[0][0] <= now and link in self.links:
                    due, piece = queue.popleft()
                    try:
                        sent = end.send(piece)
                    except BlockingIOError:
                        sent = 0
                    except OSError:
                        self._drop(link, reset=True)
                        break
                    if sent < len(piece):
                        queue.appendleft((due, piece[sent:]))
                        break

"""Does what its parameter `how` says: every way in which a Python engine can go wrong."""

import contextlib
import os
import signal
import time

from headrace.engine import Job


def run(text: str, how: str, job: Job) -> str | None:
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "exit":
        os._exit(3)
    elif how == "leak":
        leak()
    elif how == "hang":
        while True:
            job.check_cancelled()
            time.sleep(0.005)
    elif how == "deaf":
        while True:
            time.sleep(0.005)
    elif how in ("garbage", "close"):
        for fd in range(3, 16):
            with contextlib.suppress(OSError):
                os.close(fd) if how == "close" else os.write(fd, b"\xff" * 64)
        time.sleep(60)
    elif how == "throw":
        raise RuntimeError("thrown on request")
    elif how == "no_output":
        return None
    return text


def leak() -> None:
    kept = []
    for _ in range(4096):
        kept.append(b"\x01" * (1 << 20))
        time.sleep(0.001)

"""Async engines: as many jobs at a time as there are slots, on one event loop.

Apart from the rest, because only they need asyncio, which takes as long to import as the kit.
"""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial

from headrace.engine.base import Cancelled, Job, set_jobs_here
from headrace.engine.entry import Entry
from headrace.engine.host import Group, Host
from headrace.engine.protocol import Credit
from headrace.engine.replies import encode_replies, load_jobs, merge, send_replies
from headrace.engine.runner import Outcome, Runner, Total, failure_of
from headrace.engine.session import Session


class AsyncRunner(Runner):
    async def run_async(self, jobs: Sequence[Job], session: Session | None = None) -> list[Outcome]:
        """Runs the jobs of one batch as the calling task."""
        set_jobs_here(jobs)
        started = time.perf_counter_ns()
        try:
            if self.entry.batches:
                outcomes = self.spread(jobs, await self.entry.call(list(jobs)))
            else:
                outcomes = [await self._one_async(job, session) for job in jobs]
        except (Exception, Cancelled, asyncio.CancelledError) as error:
            outcomes = [self.failed(job, error) for job in jobs]
        return self.timed(outcomes, started)

    async def _one_async(self, job: Job, session: Session | None) -> Outcome:
        job.check_cancelled()
        arguments = self.entry.arguments(job, session)
        if not self.entry.streams_async:
            return Outcome(self.named(await self.entry.call(**arguments)))
        total = Total(self.interface, keeps=session is None)
        generator = self.entry.call(**arguments)
        try:
            async for yielded in generator:
                outputs = self.named(yielded)
                total.add(outputs)
                await self.emitter.emit_async(job, outputs)
        finally:
            await generator.aclose()
        return Outcome(total.finish({}))


def serve_async(host: Host, entry: Entry, slots: int) -> None:
    asyncio.run(_serve(host, entry, slots))


async def _serve(host: Host, entry: Entry, slots: int) -> None:
    """Runs up to `slots` batches as tasks of one loop, until drained."""
    runner = AsyncRunner(entry, host.interface, host)
    loop = asyncio.get_running_loop()
    drained = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    def ended(task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        if error := task.exception():
            # Not an engine's fault, which is an outcome: as with a plain engine, the process ends
            # rather than leave a job without an answer.
            traceback.print_exception(error, file=sys.__stderr__)
            host.leave(1)

    def begin(group: Group | None) -> None:
        if group is None:
            drained.set()
            return
        task = loop.create_task(_run_group(host, runner, group))
        tasks.add(task)
        task.add_done_callback(ended)

    def deliver(group: Group | None) -> None:
        loop.call_soon_threadsafe(begin, group)

    host.deliver = deliver
    host.send(Credit([0], slots))
    await drained.wait()
    while tasks:
        await asyncio.wait(tasks)


async def _run_group(host: Host, runner: AsyncRunner, group: Group) -> None:
    loop = asyncio.get_running_loop()
    loaded = load_jobs(host, group.jobs)
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
    replies = encode_replies(host, group.jobs, merge(loaded, ran))
    more = Credit([0], 1)
    if any(reply.in_chunks for reply in replies):
        await asyncio.to_thread(send_replies, host, replies, more)
    else:
        send_replies(host, replies, more)

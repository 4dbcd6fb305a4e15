"""The synchronous client."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

from headrace import _inputs, _requests
from headrace._connections import tls_context
from headrace._downloads import Sink, file_id
from headrace._environment import read_key, read_url
from headrace._retry import RetryPolicy
from headrace._transport import Transport, common_headers
from headrace.errors import ConnectionFailedError
from headrace.models import Capability, File, Job, MediaOutput, read_capability, read_job
from headrace.sessions import Session
from headrace.streaming import DoneEvent, Event, SseReader, read_event
from headrace.types import Input, JobOptions, Output


class Client:
    """Calls a Headrace server. Thread-safe; close it, or use it as a context manager.

    `base_url` defaults to HEADRACE_URL or this machine's client door, `key` to HEADRACE_KEY or the
    content of the file HEADRACE_KEY_FILE.
    """

    def __init__(
        self,
        base_url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = 30.0,
        retries: int = 4,
        ca_file: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_url = read_url(base_url)
        self._headers = common_headers(read_key(key))
        self._ca_file = ca_file
        client = httpx.Client(
            base_url=self._base_url,
            headers=self._headers,
            verify=tls_context(ca_file) if ca_file else True,
            transport=transport,
        )
        self._transport = Transport(client, timeout, RetryPolicy(attempts=retries + 1))

    def close(self) -> None:
        self._transport.client.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- jobs ----------------------------------------------------------------------------------

    def run(
        self,
        capability: str,
        input: Mapping[str, Input] | None = None,
        /,
        *,
        options: JobOptions | None = None,
        **more: Input,
    ) -> Output:
        """Runs a job and gives its output. Raises JobError when the job ends otherwise,
        WaitTimeoutError when `options.wait` is up before."""
        options = options or JobOptions()
        until = None if options.wait is None else time.monotonic() + options.wait
        wait = _requests.next_wait(options.wait, "")
        encoded = self._encode(input, more)
        request = _requests.create_job(capability, encoded, options, wait=wait)
        job = read_job(self._transport.send(request).json)
        return self._wait(job, until).result()

    def submit(
        self,
        capability: str,
        input: Mapping[str, Input] | None = None,
        /,
        *,
        options: JobOptions | None = None,
        **more: Input,
    ) -> Job:
        """Hands a durable job in and returns at once. Has an idempotency key of its own unless
        `options` gives one, so that a broken connection makes no second job."""
        options = _requests.with_key(options)
        request = _requests.create_job(capability, self._encode(input, more), options)
        return read_job(self._transport.send(request).json)

    def stream(
        self,
        capability: str,
        input: Mapping[str, Input] | None = None,
        /,
        *,
        options: JobOptions | None = None,
        **more: Input,
    ) -> Iterator[Event]:
        """Runs a job and yields its events as they come, DoneEvent last.

        The job lives with the connection: leaving the iterator cancels it. With an idempotency key
        it is durable instead, and a broken connection is taken up where it broke.
        """
        options = options or JobOptions()
        encoded = self._encode(input, more)
        if options.idempotency_key:
            request = _requests.create_job(capability, encoded, options)
            return self.events(read_job(self._transport.send(request).json))
        return self._stream(_requests.stream_job(capability, encoded, options))

    def _stream(self, request: _requests.Request) -> Iterator[Event]:
        reader = SseReader()
        try:
            with self._transport.stream(request) as response:
                for event in _events(response, reader):
                    yield event
                    if isinstance(event, DoneEvent):
                        return
        except httpx.TransportError as error:
            raise ConnectionFailedError(f"the stream broke: {error!r}") from error
        raise ConnectionFailedError("the stream ended before the job")

    def events(self, job: Job | str, *, last_event_id: str = "") -> Iterator[Event]:
        """A job's events from the first, or from after `last_event_id`; DoneEvent last. Takes the
        stream up again when it breaks."""
        reader = SseReader(last_event_id)
        failures = 0
        while True:
            request = _requests.job_events(_id(job), reader.last_id)
            broken: Exception = EOFError("it ended before the job")
            try:
                with self._transport.stream(request) as response:
                    for event in _events(response, reader):
                        failures = 0
                        yield event
                        if isinstance(event, DoneEvent):
                            return
            except httpx.TransportError as error:
                broken = error
            failures += 1
            self._transport.pause(failures, broken)
            reader = SseReader(reader.last_id)

    def wait(self, job: Job | str, *, timeout: float | None = None) -> Job:
        """Waits for the job's end. WaitTimeoutError after `timeout` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        return self._wait(job if isinstance(job, Job) else self.get(job), until)

    def _wait(self, job: Job, until: float | None) -> Job:
        while not job.done:
            left = None if until is None else until - time.monotonic()
            request = _requests.get_job(job.id, _requests.next_wait(left, job.id))
            job = read_job(self._transport.send(request).json)
        return job

    def get(self, job: Job | str) -> Job:
        return read_job(self._transport.send(_requests.get_job(_id(job))).json)

    def output(self, job: Job | str) -> Output | None:
        """The output of a job that succeeded; None while it has not ended."""
        return _requests.read_ready_output(self._transport.send(_requests.job_output(_id(job))))

    def cancel(self, job: Job | str) -> Job:
        """Asks for a cancel; a running job ends soon after. ConflictError when it has ended."""
        return read_job(self._transport.send(_requests.cancel_job(_id(job))).json)

    def retry(self, job: Job | str) -> Job:
        """A new job like one that failed, was cancelled or expired."""
        return read_job(self._transport.send(_requests.retry_job(_id(job))).json)

    def delete(self, job: Job | str) -> None:
        """Removes the result and media of a job that has ended."""
        self._transport.send(_requests.delete_job(_id(job)))

    def list(
        self, *, state: str | None = None, capability: str | None = None, page_size: int = 50
    ) -> Iterator[Job]:
        """Jobs, newest first; further pages are fetched as they are needed."""
        cursor: str | None = None
        while True:
            request = _requests.list_jobs(state, capability, page_size, cursor)
            jobs, cursor = _requests.read_page(self._transport.send(request))
            yield from jobs
            if not cursor:
                return

    # --- files ---------------------------------------------------------------------------------

    def upload(self, source: Input, content_type: str = "") -> File:
        """Stores a path, bytes or an open binary file, for any number of jobs."""
        return self._upload(_inputs.open_media(source, content_type))

    def _upload(self, upload: _inputs.Upload) -> File:
        def content() -> Iterator[bytes]:
            upload.rewind()
            while piece := upload.stream.read(_inputs.PIECE):
                yield piece

        request = _requests.create_file(upload.content_type, upload.size, upload.name)
        try:
            return _requests.read_file_answer(self._transport.send(request, content))
        finally:
            upload.close()

    def file(self, file: File | MediaOutput | str) -> File:
        return _requests.read_file_answer(self._transport.send(_requests.get_file(file_id(file))))

    def delete_file(self, file: File | MediaOutput | str) -> None:
        self._transport.send(_requests.delete_file(file_id(file)))

    def download(
        self, file: File | MediaOutput | str, to: str | os.PathLike[str] | None = None
    ) -> bytes:
        """The content of a file, which is also written to `to`, when given, and then not returned.
        Goes on where it was when the connection breaks."""
        sink = Sink(to)
        failures = 0
        with sink:
            while True:
                start = sink.received
                request = _requests.file_content(file_id(file), start, sink.etag)
                try:
                    with self._transport.stream(request) as response:
                        sink.begin(response)
                        for piece in response.iter_bytes():
                            sink.write(piece)
                    return sink.finish()
                except httpx.TransportError as error:
                    failures = 1 if sink.received > start else failures + 1
                    self._transport.pause(failures, error)

    # --- capabilities and sessions -------------------------------------------------------------

    def capabilities(self) -> Sequence[Capability]:
        """What this key may call, each in its default version."""
        answer = self._transport.send(_requests.list_capabilities())
        return _requests.read_capabilities(answer)

    def capability(self, name: str) -> Capability:
        """One capability, by its name or name@version."""
        answer = self._transport.send(_requests.get_capability(name))
        return read_capability(answer.json)

    def session(
        self, capability: str, parameters: Mapping[str, Input] | None = None, /, **more: Input
    ) -> Session:
        """Opens a session with a capability of mode `stream`."""
        url = self._base_url + _requests.session_path(capability)
        return Session(url, self._headers, self._ca_file, {**(parameters or {}), **more})

    # --- inside --------------------------------------------------------------------------------

    def _encode(
        self, input: Mapping[str, Input] | None, more: Mapping[str, Input]
    ) -> Mapping[str, Any]:
        """The JSON form of the inputs, big media uploaded."""
        encoded = _inputs.encode({**(input or {}), **more})
        files = {id(upload): self._upload(upload).id for upload in _inputs.uploads(encoded)}
        ready: Mapping[str, Any] = _inputs.replace(encoded, files)
        return ready


def _events(response: httpx.Response, reader: SseReader) -> Iterator[Event]:
    for text in response.iter_text():
        for message in reader.feed(text):
            event = read_event(message)
            if event is not None:
                yield event


def _id(job: Job | str) -> str:
    return job.id if isinstance(job, Job) else job

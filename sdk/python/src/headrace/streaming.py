"""Events of a job: typed, read from a server-sent event stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.errors import ProtocolViolationError
from headrace.models import Job, Progress, read_job, read_output, read_progress, read_time
from headrace.types import Output


@dataclass(frozen=True)
class StateEvent:
    id: str
    state: str
    attempt: int


@dataclass(frozen=True)
class ProgressEvent:
    id: str
    progress: Progress


@dataclass(frozen=True)
class LogEvent:
    id: str
    stream: str
    line: str
    at: datetime | None


@dataclass(frozen=True)
class OutputEvent:
    """A part of a streamed output: what is new of `append` outputs, the whole of `replace` ones."""

    id: str
    output: Output
    last: bool


@dataclass(frozen=True)
class DoneEvent:
    """The last one: the job has ended, well or not."""

    id: str
    job: Job


Event = StateEvent | ProgressEvent | LogEvent | OutputEvent | DoneEvent


@dataclass(frozen=True)
class Message:
    """One server-sent event as it came."""

    id: str
    event: str
    data: str


class SseReader:
    """Makes messages of pieces of text. Keeps the last id, by which a stream is resumed."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        self._rest = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, text: str) -> Iterator[Message]:
        self._rest += text
        # A carriage return at the end may be half of a line end.
        while (line := self._line()) is not None:
            if line:
                self._field(line)
            elif self._data:
                message = Message(self.last_id, self._event or "message", "\n".join(self._data))
                self._event, self._data = "", []
                yield message
            else:
                self._event = ""

    def _line(self) -> str | None:
        ends = [end for end in (self._rest.find("\n"), self._rest.find("\r")) if end >= 0]
        if not ends:
            return None
        end = min(ends)
        if self._rest[end] == "\r" and end + 1 == len(self._rest):
            return None
        line = self._rest[:end]
        self._rest = self._rest[end + (2 if self._rest.startswith("\r\n", end) else 1) :]
        return line

    def _field(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id" and "\0" not in value:
            self.last_id = value


def read_event(message: Message) -> Event | None:
    """The typed event; None for one of a kind that this version does not know."""
    try:
        body: Any = json.loads(message.data)
        kind = message.event
        if kind == "state":
            return StateEvent(message.id, body["state"], body.get("attempt", 0))
        if kind == "progress":
            return ProgressEvent(message.id, read_progress(body))
        if kind == "log":
            return LogEvent(
                message.id, body.get("stream", ""), body["line"], read_time(body.get("at"))
            )
        if kind == "output":
            return OutputEvent(message.id, read_output(body["output"]), body.get("last", False))
        if kind == "done":
            return DoneEvent(message.id, read_job(body))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProtocolViolationError(f"an event '{message.event}' that cannot be read") from error
    return None

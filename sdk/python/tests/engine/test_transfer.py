"""Big values and media both ways, and the windows that hold them back."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from engine.parent import Parent
from headrace.engine import Audio, Image
from headrace.engine import protocol as link
from headrace.engine.values import decode_values, encode_values

MEDIA: dict[str, Any] = {
    "inputs": {"images": {"kind": "image", "count": "0..n"}},
    "outputs": {"audios": {"kind": "audio", "count": "0..n"}, "report": {"kind": "json"}},
}


def collect(
    parent: Parent, ref: link.JobRef, *, grant: bool = True
) -> tuple[dict[int, bytes], link.JobResult]:
    """The parts and the result of a job, giving room for what came."""
    parts: dict[int, bytes] = {}
    while True:
        body = parent.receive()
        if isinstance(body, link.Result):
            return parts, body.results[0]
        assert not isinstance(body, link.Failure), body
        if isinstance(body, link.Output):
            assert body.ref == ref
            assert body.chunk is not None
            assert len(body.chunk.data) <= link.MAX_CHUNK
            parts[body.chunk.part] = parts.get(body.chunk.part, b"") + body.chunk.data
            if grant:
                parent.send(link.Window(ref, len(body.chunk.data)))


def test_big_values_both_ways(tmp_path: Path) -> None:
    text = "ä" * 700_000
    values = encode_values({"text": text})
    with Parent(tmp_path, "def run(text): return text[::-1]", entry="engine:run") as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(values_size=len(values)))
        parent.send_part(ref, 0, values)
        parts, result = collect(parent, ref)
        assert result.values == b""
        assert result.values_size == len(parts[0])
        assert decode_values(parts[0]) == {"text": text}


def test_values_of_a_wrong_size_break_the_link(tmp_path: Path) -> None:
    with Parent(tmp_path, "def run(text): return text", entry="engine:run") as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(values_size=10))
        parent.send_part(ref, 0, b"short")
        assert parent.wait()[0] == 4


def media_values(count: int) -> bytes:
    """`count` images whose content comes as parts."""
    taken: list[Any] = []
    images = [Image(b"x", "image/png", name=f"{n}.png") for n in range(count)]
    return encode_values({"images": images}, parts=taken)


def test_media_both_ways(tmp_path: Path) -> None:
    source = """
        import hashlib
        from headrace.engine import Audio, Image
        def run(images: list[Image]):
            report = []
            for image in images:
                with image.open() as stream:
                    digest = hashlib.sha256(stream.read()).hexdigest()
                assert image.path.read_bytes() == image.bytes
                kept = image.temporary and image.path.name.startswith("part-")
                report.append([image.content_type, image.name, image.size, digest, kept])
            sound = open("sound.wav", "wb")
            sound.write(b"RIFF....WAVE" + bytes(200_000))
            sound.close()
            return {"audios": [Audio(images[0].bytes, "audio/x"), Audio("sound.wav")],
                    "report": report}
    """
    small, big = b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(range(256)) * 10_000
    with Parent(tmp_path, source, entry="engine:run", interface=MEDIA) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(media_values(2), parts=2))
        parent.send_part(ref, 1, small)
        parent.send_part(ref, 2, big)
        parts, result = collect(parent, ref)
        outputs = decode_values(result.values, parts=parts)
        assert outputs["report"] == [
            ["image/png", "0.png", len(small), hashlib.sha256(small).hexdigest(), False],
            ["image/png", "1.png", len(big), hashlib.sha256(big).hexdigest(), True],
        ]
        first, second = outputs["audios"]
        assert (first.bytes, first.content_type) == (small, "audio/x")
        assert (second.size, second.content_type) == (200_012, "audio/wav")
        assert isinstance(first, Audio)
        # Nothing is left behind.
        assert [file.name for file in tmp_path.glob("headrace-engine-*/*")] == ["lock"]


def test_blob_sources_count_depth_first(tmp_path: Path) -> None:
    """A server may leave the digest where it stored the content; the order tells the part."""
    from headrace.engine import codec
    from headrace.engine.values import FieldValue, ListValue, MediaValue, Value, Values

    blobs = [Value(media=MediaValue("image/png", blob=bytes(32), size=1)) for _ in range(3)]
    values = codec.encode(Values([FieldValue("images", Value(list=ListValue(blobs)))]))
    source = "def run(images): return {'report': [image.bytes.decode() for image in images]}"
    with Parent(tmp_path, source, entry="engine:run", interface=MEDIA) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(values, parts=3))
        for number in (1, 2, 3):
            parent.send_part(ref, number, b"%d" % number)
        assert parent.outputs(ref) == {"report": ["1", "2", "3"]}


def test_input_window_is_given_back(tmp_path: Path) -> None:
    source = "def run(images): return {'report': [image.size for image in images]}"
    window = 128 << 10
    size = 1_000_000
    with Parent(tmp_path, source, entry="engine:run", interface=MEDIA, window=window) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job(media_values(1), parts=1))
        sent = given = 0
        while sent < size:
            piece = bytes(min(link.MAX_CHUNK, size - sent))
            while sent + len(piece) - given > window:
                given += parent.expect(link.Window).bytes
            sent += len(piece)
            parent.send(link.Input(ref, chunk=link.Chunk(1, piece, sent == size)))
        while given < size:
            given += parent.expect(link.Window).bytes
        assert given == size
        assert parent.outputs(ref) == {"report": [size]}


def test_output_waits_for_room(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Audio
        def run(images): return {"audios": [Audio(bytes(300_000), "audio/x")]}
    """
    window = 128 << 10
    with Parent(tmp_path, source, entry="engine:run", interface=MEDIA, window=window) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job())
        got = [parent.expect(link.Output).chunk for _ in range(2)]
        parent.send(link.Ping(5))
        parent.expect(link.Ping)
        assert parent.arrived(link.Output) == []
        parent.send(link.Window(ref, window))
        got += [parent.expect(link.Output).chunk for _ in range(2)]
        parent.send(link.Window(ref, window))
        got.append(parent.expect(link.Output).chunk)
        assert sum(len(chunk.data) for chunk in got) == 300_000
        assert [chunk.last for chunk in got] == [False] * 4 + [True]
        parent.result(ref)


@pytest.mark.parametrize("prefix", ["", "async "])
def test_streamed_steps_wait_for_room_and_cancel_wakes_them(tmp_path: Path, prefix: str) -> None:
    source = f"""
        {prefix}def run(text):
            while True:
                yield {{"text": "x" * 1000}}
    """
    with Parent(tmp_path, source, entry="engine:run", window=4000) as parent:
        parent.expect(link.Credit)
        ref = parent.lease(parent.job({"text": ""}, stream_outputs=True))
        for _ in range(3):
            parent.expect(link.Output)
        parent.send(link.Ping(5))
        parent.expect(link.Ping)
        assert parent.arrived(link.Output) == []
        parent.send(link.Window(ref, 1100))
        parent.expect(link.Output)
        parent.send(link.Cancel([ref], "cancelled"))
        assert parent.failure(ref).code == "cancelled"
        parent.expect(link.Credit)


def test_cancel_while_parts_arrive(tmp_path: Path) -> None:
    source = "def run(images): return {'report': 1}"
    with Parent(tmp_path, source, entry="engine:run", interface=MEDIA) as parent:
        parent.expect(link.Credit)
        job = parent.job(media_values(2), parts=2)
        ref = parent.lease(job)
        for _ in range(20):
            parent.send(link.Input(ref, chunk=link.Chunk(1, bytes(link.MAX_CHUNK))))
        parent.send(link.Cancel([ref], "cancelled"))
        assert parent.failure(ref).code == "cancelled"
        parent.expect(link.Credit)
        parent.send_part(ref, 1, b"late")
        assert [file.name for file in tmp_path.glob("headrace-engine-*/*")] == ["lock"]
        ref = parent.lease(parent.job(media_values(1), parts=1))
        parent.send_part(ref, 1, b"fine")
        assert parent.outputs(ref) == {"report": 1}


def test_batch_of_big_results_is_split(tmp_path: Path) -> None:
    source = """
        from headrace.engine import Engine
        class E(Engine):
            def run_batch(self, jobs): return [{"text": "x" * 200_000} for job in jobs]
    """
    with Parent(tmp_path, source, max_batch=8) as parent:
        parent.expect(link.Credit)
        jobs = [parent.job({"text": ""}) for _ in range(8)]
        parent.lease(*jobs)
        results = []
        while len(results) < 8:
            results += parent.expect(link.Result).results
        assert [result.ref for result in results] == [job.ref for job in jobs]


def test_folders_of_killed_processes_are_swept(tmp_path: Path) -> None:
    source = """
        def run(images):
            import os
            return {"report": os.path.dirname(images[0].path)}
    """
    folders = []
    for _ in range(2):
        with Parent(tmp_path, source, entry="engine:run", interface=MEDIA) as parent:
            parent.expect(link.Credit)
            assert list(tmp_path.glob("headrace-engine-*")) == []
            ref = parent.lease(parent.job(media_values(1), parts=1))
            parent.send_part(ref, 1, b"x")
            folders.append(parent.outputs(ref)["report"])
            parent.process.kill()
            parent.wait()
            assert [str(path) for path in tmp_path.glob("headrace-engine-*")] == folders[-1:]
    assert folders[0] != folders[1]

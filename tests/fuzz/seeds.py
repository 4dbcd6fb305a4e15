"""First inputs of the fuzz targets, made of this repository's own examples, documents and test vectors.

python3 tests/fuzz/seeds.py FOLDER
"""

from __future__ import annotations

import hashlib
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST = 16 * 1024

REQUESTS = [
    b"GET /api/v1/jobs?limit=5&state=running HTTP/1.1\r\nHost: a:8600\r\nAuthorization: Bearer hr_x_y\r\n\r\n",
    b"POST /api/v1/jobs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Prefer: wait=10\r\nIdempotency-Key: k\r\ntraceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01\r\n\r\n{}",
    b"PUT /f HTTP/1.1\r\nHost: [::1]:1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
    b"3;x=y\r\nabc\r\n0\r\nTrailer: t\r\n\r\n",
    b"GET /link HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"OPTIONS * HTTP/1.0\r\nConnection: close\r\n\r\n",
]
RESPONSES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
    b'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nETag: "x"\r\n\r\n',
    b"HTTP/1.0 301 Moved\r\nLocation: http://b/\r\n\r\nuntil the end",
]
VALUES = [
    b'id: 7\nevent: progress\ndata: {"a":1}\ndata: more\n\n: beat\n\nretry: 5\r\ndata\r\r',
    b"https://user@host.example:8443/path/%41?x=1#f",
    b"unix:/run/headrace.sock:/api/v1/link",
    b"http://[fd00::1%25eth0]:80/",
    b"10.0.0.0/8",
    b"bytes=0-4,9-,-3",
    b"text/event-stream;q=0.9, */*;q=0.1",
    b'multipart/form-data; boundary="a b"',
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
]
SMALL = [
    b"1.2.3-alpha.1+build.5",
    b"2026-01-02T03:04:05.678Z",
    b"1999-12-31T23:59:60+01:00",
    b"aGVsbG8=",
    b"aGVsbG8",
    b"data:image/png;base64,iVBORw0KGgo=",
    b"Bearer hr_0123456789ab_" + b"A" * 43,
    b"a=b; headrace_session=abcdef; c=d",
    b"http://127.0.0.1:8601127.0.0.1:8601",
    b"0, GPU-3f0c, NVIDIA H100 80GB HBM3, 81559, 512\n1, MIG-1, N, [N/A], 0\n",
    b"No devices were found\n",
]
TEMPLATES = [
    b"{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}x{% endif %}"
    b"{{'<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>'}}{% endfor %}"
    b"{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    b"{%- set x = messages[1:] -%}{{ bos_token }}{{ raise_exception('no') if false else '' }}",
]
SCHEMAS = [
    b'{"type":"object","properties":{"a":{"type":"integer"},"b":{"enum":["x",1,null]}},"required":["a"],'
    b'"additionalProperties":false}',
    b'{"type":"array","items":{"anyOf":[{"type":"string","minLength":1,"maxLength":4},{"const":{"k":[1]}}]},'
    b'"minItems":1,"maxItems":3}',
]
SETTINGS = [
    b'{"task":"chat","model":"pypi:a/b.gguf","context":512,"threads":2,"gpu_layers":-1,'
    b'"adapters":[{"path":"/a","scale":0.5}]}'
]


FASTCHAT_CHUNKS = [
    b'{"text": "He", "error_code": 0, "usage": {"prompt_tokens": 3, "completion_tokens": 1}, "finish_reason": null}\0'
    b'{"text": "Hell\\ufffd", "error_code": 0, "logprobs": {"tokens": ["a"], "token_logprobs": [-Infinity]}}\0'
    b'{"text": "Hell\\u4e2d \\ud83d\\ude00", "error_code": 0, "finish_reason": "stop"}\0',
    b'{"text":"a","error_code":0}\0{"text":"ab \xef\xbf\xbd"}\0{"text":"no","error_code":50001}\0',
    b'{"text": "<tool_call>\\n{\\"name\\": \\"f\\", \\"arguments\\": {}}\\n</tool_call>"}\0',
]
FASTCHAT_MESSAGES = (
    b'{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"a"},'
    b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},{"role":"assistant","content":"b"},'
    b'{"role":"user","content":""}]}'
)
FASTCHAT_TOOLS = (
    b'{"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"function":{"name":"f",'
    b'"arguments":"{}"}}]},{"role":"tool","content":"y"}],"tools":[{"function":{"name":"f"}}],'
    b'"tool_choice":"required"}'
)


UPSTREAM_STREAMS = [
    b': hello\n\ndata: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
    b'{"role":"assistant","content":"He"},"finish_reason":null}]}\n\n'
    b'data: {"choices":[{"index":0,"delta":{"content":"y \\u00e9"},"logprobs":{"content":[{"token":"y","logprob":-0.5}]}}]'
    b'}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1}}}'
    b"\n\ndata: [DONE]\n\n",
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f",'
    b'"arguments":"{\\"a\\":"}}]}}]}\r\n\r\ndata: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":'
    b'{"arguments":"1}"}}]},"finish_reason":"tool_calls"}],"usage":null}\r\n\r\ndata: [DONE]\r\n\r\n',
    b'event: error\ndata: {"error":{"message":"secret went wrong","type":"server_error","code":503}}\n\n',
    b'data: {"object":"error","message":"no","code":50001}\n\n',
    b'data: {"choices":\ndata: []}\n\nid: 7\nretry: 10\ndata:[DONE]\n\n',
]
UPSTREAM_BODIES = [
    b'{"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":false,"x":1}}',
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"hi","tool_calls":[]},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":1,"completion_tokens":2}}',
    b'{"data":[{"index":0,"embedding":[0.5,-1e-3]},{"index":1,"embedding":"AACAPw=="}],"usage":{"prompt_tokens":4}}',
    b'{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":-1}]}',
    b'{"text":"said","segments":[{"start":0.0,"end":1.5,"text":"said"}]}',
]
RESPONSE_BODIES = [
    b'{"model":"m","input":"hi","instructions":"be brief","stream":true,"store":false,"temperature":0.5,'
    b'"text":{"format":{"type":"json_schema","name":"x","schema":{"type":"object"}}},"metadata":{"k":"v"}}',
    b'{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image",'
    b'"image_url":"data:image/png;base64,AA=="}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},'
    b'{"type":"function_call_output","call_id":"c","output":"1"}],"tools":[{"type":"function","name":"f",'
    b'"parameters":{"type":"object"}}],"tool_choice":"auto","previous_response_id":"resp_1"}',
]
BATCH_LINES = [
    b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}\n'
    b'{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}\r\n\n',
    b'{"custom_id":"a","url":"/v1/completions"}\nnone\n{"custom_id":"a","method":"GET","body":[]}',
]
BATCH_TEXTS = [
    b'{"created":1,"endpoint":"/v1/completions","input_file":"file-1","metadata":{"a":"b"},"expires":9}',
    b'{"status":"failed","total":3,"completed":1,"failed":1,"begun":1,"ended":2,"output_file":"file-2",'
    b'"errors":[{"code":"invalid_json","line":2,"message":"x","param":null}]}',
]
WAVE = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 44, b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16, b"data", 8)


def socket_frame(opcode: int, payload: bytes, last: bool = True, mask: bytes = b"\x01\x02\x03\x04") -> bytes:
    first = (0x80 if last else 0) | opcode
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack(">H", size)
    return bytes([first]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


def fields(number: int, *contents: bytes) -> bytes:
    """Length-delimited protobuf fields, for payloads that are Values."""
    return b"".join(bytes([number << 3 | 2, len(content)]) + content for content in contents)


def frames() -> list[bytes]:
    return [bytes.fromhex(path.read_text().strip()) for path in sorted((ROOT / "tests/golden/link").glob("*.hex"))]


def on_the_wire(frame: bytes) -> bytes:
    return struct.pack("<I", len(frame)) + frame


def link_streams() -> list[bytes]:
    golden = frames()
    hello = next(f for f in golden if f[0] == 0x0A)
    out = [b"\x01" + on_the_wire(frame) for frame in golden]
    out += [b"\x05" + on_the_wire(hello) + on_the_wire(frame) for frame in golden]
    return out


def engine_files() -> list[bytes]:
    places = ["examples/engines", "tests/engines", "tests/golden/interface", "plugins"]
    return [path.read_bytes() for place in places for path in sorted((ROOT / place).rglob("engine.toml"))]


def interfaces() -> list[bytes]:
    golden = ROOT / "tests/golden/interface"
    out = [b"\x01" + path.read_bytes() for path in sorted(golden.rglob("interface.json"))]
    out.append(
        b'\x00{"text":"a","tensor":{"shape":[1,2],"dtype":"int16","data":[1,2]},"i":3,"b":null,"e":"x",'
        b'"t":"2026-01-02T03:04:05Z","s":["a"],"any":{"k":1.5},"j":{"a":1}}'
    )
    out.append(b"\x02" + fields(1, fields(1, b"text") + fields(2, fields(1, b"hello"))))
    return out


def configurations() -> list[bytes]:
    document = (ROOT / "docs/operate/configuration.md").read_text()
    out = [(ROOT / "deploy/headrace.toml").read_bytes()]
    section = ""
    for line in document.splitlines():
        if line.startswith("## ["):
            section = line[4:-1]
        elif row := re.match(r"\| `(\w+)` \| [^|]+ \| `([^`]*)` \|", line):
            key, value = row[1], row[2]
            out.append(f"{section}.{key}={value}".encode())
            out.append(f"{section.upper()}_{key.upper()}={value}".encode())
            out.append(f'[{section}]\n{key} = "{value}"\n'.encode())
    return out


def openai_bodies() -> list[bytes]:
    """The request bodies of the golden files under every reading, a wave, and outputs of an engine."""
    bodies = []
    for path in sorted((ROOT / "tests/golden/openai").glob("*.txt")):
        bodies += [line.encode() for line in path.read_text().splitlines() if line.startswith("{")]
    out = [bytes([kind]) + body for kind in range(4) for body in bodies]
    out.append(b"\x04" + WAVE + bytes(8))
    out.append(b'\x05[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]}]\nrest')
    return out


def manifests() -> list[bytes]:
    return [
        b'{"headrace_backup":1,"version":"0.1.0","created_at":"2026-01-02T03:04:05.678Z","master_key":true,'
        b'"files":{"jobs.db":{"size":4096,"sha256":"' + b"a" * 64 + b'"},"blobs/t/ab/cd":{"size":1,"sha256":""}}}',
        b'{"headrace_backup":1,"files":{"../x":{"size":1}}}',
    ]


def sockets() -> list[bytes]:
    ping = socket_frame(9, b"p")
    text = socket_frame(1, b'{"type":"open","input":{}}')
    cut = socket_frame(2, b"\x00" * 200, last=False) + ping + socket_frame(0, b"end")
    return [bytes([len(text)]) + text + ping + socket_frame(8, b"\x03\xe8"), b"\x00" + cut, b"\x02" + ping + text]


def forms() -> list[bytes]:
    part = (
        b'--b\r\nContent-Disposition: form-data; name="a"; filename="x.png"\r\nContent-Type: image/png\r\n\r\nabc\r\n'
    )
    plain = b'--b\r\nContent-Disposition: form-data; name="c"\r\n\r\n{}\r\n'
    return [b"\x07" + part + plain + b"--b--\r\n", b"\x00preamble\r\n" + part + b"--b--"]


def templates() -> list[bytes]:
    """A worker's template in each style, with a conversation for each second one and tools for the others."""
    out = []
    for number in range(1, 24):
        conv = (
            b'{"name":"qwen","system_template":"<{system_message}>","system_message":"S","roles":["U","A"],'
            b'"messages":[["U","few"],["A",null]],"offset":2,"sep_style":%d,"sep":"|","sep2":"#","stop_str":["x"],'
            b'"stop_token_ids":[1],"max_image_size_mb":null}' % number
        )
        out += [conv + b"\0" + body for body in (FASTCHAT_MESSAGES, FASTCHAT_TOOLS)]
    return out


def rows() -> list[bytes]:
    """Bodies begin with their format number; the rest is found by the fuzzer."""
    return [bytes([kind, 1]) + bytes(size) for kind in range(5) for size in (0, 8, 64, 200)]


def seeds() -> dict[str, list[bytes]]:
    return {
        "http_request": [b"\x07" + text for text in REQUESTS],
        "http_response": [b"\x07" + text for text in RESPONSES],
        "http_values": [b"\x03" + text for text in VALUES],
        "http_multipart": forms(),
        "http_websocket": sockets(),
        "engine_toml": engine_files(),
        "json_interface": interfaces(),
        "link_frame": link_streams(),
        "config_toml": configurations(),
        "backup_manifest": manifests(),
        "fastchat_chunks": [b"\x05" + text for text in FASTCHAT_CHUNKS],
        "fastchat_template": templates(),
        "openai_bodies": openai_bodies(),
        "openai_batches": [b"\x00" + text for text in RESPONSE_BODIES]
        + [b"\x01" + text for text in BATCH_LINES]
        + [b"\x02" + text for text in BATCH_TEXTS],
        "json_scan": UPSTREAM_BODIES + RESPONSE_BODIES + BATCH_TEXTS,
        "upstream_stream": UPSTREAM_STREAMS + UPSTREAM_BODIES,
        "upstream_relay": [bytes([first]) + text for first in (0, 33) for text in UPSTREAM_STREAMS],
        "store_records": rows(),
        "small_values": SMALL,
        "llama_texts": [b"\x00" + text for text in SCHEMAS]
        + [b"\x01" + text for text in TEMPLATES]
        + [b"\x02" + text for text in SETTINGS]
        + [b"\x03<|im_<|im_end|>end|>"],
    }


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    for target, inputs in seeds().items():
        place = folder / target
        place.mkdir(parents=True, exist_ok=True)
        for content in inputs:
            if len(content) <= MOST:
                (place / hashlib.sha256(content).hexdigest()[:16]).write_bytes(content)


if __name__ == "__main__":
    main()

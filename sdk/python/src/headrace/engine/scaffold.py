"""The files of a new engine: text in, text out, ready to be changed."""

from __future__ import annotations

import re
from pathlib import Path

from headrace.engine.project import ProjectError

_TOML = """\
capability = "{name}"
version = "0.1.0"
title = "{title}"
description = "Says a text louder."
slots = 1

{section}
[inputs.text]
kind = "text"
description = "what to say"
max_length = 10000

[parameters.times]
kind = "integer"
description = "how often"
min = 1
max = 10
default = 1

[outputs.text]
kind = "text"
"""

_TOML_PYTHON = """\
[python]
entry = "engine:{cls}"
# venv = ".venv"
# requirements = "requirements.txt"
"""

_TOML_NATIVE = """\
[native]
library = "lib{name}.so"
"""

_PYTHON = '''\
from headrace.engine import Engine, progress


class {cls}(Engine):
    def setup(self) -> None:
        """Load the model here: it is called once, before the first job."""
        self.mark = "!"

    def run(self, text: str, times: int) -> dict:
        said = []
        for turn in range(times):
            progress(turn / times, f"turn {{turn + 1}} of {{times}}")
            said.append(text.upper() + self.mark)
        return {{"text": " ".join(said)}}
'''

_NATIVE = """\
/* Build it beside engine.toml:
 *   cc -shared -fPIC -O2 -I HEADRACE/include -o lib{name}.so {name}.c
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "headrace/engine.h"

static const hr_host* host;

static int load(const hr_host* from, const hr_config* config, void** state, char* error,
                size_t error_size) {{
    (void)config, (void)state, (void)error, (void)error_size;
    host = from;
    return HR_OK;
}}

static int say(hr_job* job) {{
    hr_bytes text = {{0, 0}};
    int64_t times = 1;
    int status = host->input_text(job, "text", 0, &text);
    if (status != HR_OK) return status;
    host->input_int(job, "times", 0, &times);
    if (times < 1) times = 1;
    size_t each = text.size + 2; /* with its mark and a space */
    char* said = malloc(each * (size_t)times);
    if (!said) return HR_E_FAILED;
    for (int64_t turn = 0; turn < times && !host->cancelled(job); ++turn) {{
        char* to = said + each * (size_t)turn;
        host->progress(job, (double)turn / (double)times, "saying it");
        for (size_t i = 0; i < text.size; ++i) to[i] = (char)toupper((unsigned char)text.data[i]);
        memcpy(to + text.size, "! ", 2);
    }}
    status = host->output_text(job, "text", said, each * (size_t)times - 1);
    free(said);
    return status;
}}

static int run(void* state, hr_job** jobs, size_t count) {{
    (void)state;
    for (size_t i = 0; i < count; ++i) {{
        if (say(jobs[i]) != HR_OK) {{
            host->fail(jobs[i], "engine_failed", "the text could not be said", 0);
        }}
    }}
    return HR_OK;
}}

static const hr_engine engine = {{
    .size = sizeof(hr_engine),
    .abi_major = HR_ABI_MAJOR,
    .abi_minor = HR_ABI_MINOR,
    .load = load,
    .run = run,
}};

HR_EXPORT const hr_engine* hr_engine_entry(uint32_t host_major, uint32_t host_minor) {{
    (void)host_minor;
    return host_major == HR_ABI_MAJOR ? &engine : 0;
}}
"""

_SAMPLE = '{"text": "hello", "times": 2}\n'


def write(name: str, kind: str, directory: Path) -> list[Path]:
    """Writes the files and returns their paths; refuses to touch a file that is there."""
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", name):
        raise ProjectError(
            f"'{name}' is no name of a capability: a-z, 0-9, _ and -, a letter first"
        )
    words = re.split(r"[_-]", name)
    cls = "".join(word.capitalize() for word in words)
    title = " ".join(words).capitalize()
    names = {"name": name, "cls": cls, "title": title}
    section = (_TOML_PYTHON if kind == "python" else _TOML_NATIVE).format(**names)
    files = {"engine.toml": _TOML.format(section=section, **names), "sample.json": _SAMPLE}
    if kind == "python":
        files["engine.py"] = _PYTHON.format(**names)
    else:
        files[f"{name}.c"] = _NATIVE.format(**names)
    paths = [directory / file for file in files]
    taken = [path for path in paths if path.exists()]
    if taken:
        raise ProjectError(f"{taken[0]} is there already")
    directory.mkdir(parents=True, exist_ok=True)
    for path, content in zip(paths, files.values(), strict=True):
        path.write_text(content, "utf-8")
    return paths

"""One chat by the official OpenAI SDK, streamed: run by the tour in build/venv-demo.

tour_openai.py BASE_URL KEY_FILE MODEL QUESTION
"""

import pathlib
import sys

from openai import OpenAI

base_url, key_file, model, question = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=pathlib.Path(key_file).read_text().strip())
stream = client.chat.completions.create(
    model=model,
    messages=[{"role": "user", "content": question}],
    temperature=0,
    max_tokens=80,
    stream=True,
    stream_options={"include_usage": True},
)
for chunk in stream:
    if chunk.choices:
        sys.stdout.write(chunk.choices[0].delta.content or "")
        sys.stdout.flush()
    if chunk.usage:
        print(f"\n[usage] {chunk.usage.prompt_tokens} {chunk.usage.completion_tokens}")

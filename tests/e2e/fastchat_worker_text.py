"""What fastchat_worker.py answers, for tests that do not run in its environment."""

TEXT = "The capital of France is Paris. 你好 😀!"
CALL_TEXT = 'I look.\n<tool_call>\n{"name": "weather", "arguments": {"in": "Rome"}}\n</tool_call>'

// The unmodified npm package against a server of ours: node calls.mjs URL KEY. Prints one JSON object of what it saw.
import OpenAI from "openai";

const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const messages = [{ role: "user", content: "What is the capital of France?" }];
const usual = { model: "chat", messages, temperature: 0, max_tokens: 24 };
const seen = {};

seen.models = (await client.models.list()).data.map((model) => model.id);
const { data: whole, request_id } = await client.chat.completions.create(usual).withResponse();
seen.chat = whole;
seen.request_id = request_id;

let text = "";
let usage = null;
for await (const chunk of await client.chat.completions.create({
  ...usual,
  stream: true,
  stream_options: { include_usage: true },
})) {
  text += chunk.choices[0]?.delta?.content ?? "";
  usage = chunk.usage ?? usage;
}
seen.streamed = text;
seen.usage = usage;

const runner = client.chat.completions.stream(usual);
seen.final = (await runner.finalChatCompletion()).choices[0].message.content;

seen.embeddings = (await client.embeddings.create({ model: "embed", input: ["a cat", "a dog"] })).data.map(
  (item) => item.embedding.length,
);

const file = await client.files.create({
  file: await OpenAI.toFile(Buffer.from("{}\n"), "x.jsonl"),
  purpose: "batch",
});
seen.file = { bytes: file.bytes, content: await (await client.files.content(file.id)).text() };
seen.deleted = (await client.files.delete(file.id)).deleted;

const response = await client.responses.create({ model: "chat", input: "What is the capital of France?", temperature: 0 });
seen.response = { status: response.status, text: response.output_text };
seen.retrieved = (await client.responses.retrieve(response.id)).output_text;
const types = [];
for await (const event of await client.responses.create({ model: "chat", input: "Hi", max_output_tokens: 4, stream: true })) {
  types.push(event.type);
}
seen.events = types;

seen.errors = [];
for (const call of [
  () => client.chat.completions.create({ ...usual, model: "nope" }),
  () => client.chat.completions.create({ ...usual, temperature: 9 }),
  () => client.chat.completions.create({ ...usual, tools: [{ type: "function", function: { name: "f" } }] }),
  () => new OpenAI({ baseURL, apiKey: "sk-x", maxRetries: 0 }).models.list(),
  () => client.beta.assistants.list(),
]) {
  try {
    await call();
    seen.errors.push(null);
  } catch (error) {
    seen.errors.push([error.constructor.name, error.status, error.code ?? null, error.param ?? null]);
  }
}

const stream = await client.chat.completions.create({ ...usual, max_tokens: 1500, stream: true });
for await (const chunk of stream) {
  if (chunk.choices[0]?.delta?.content) break;
}
stream.controller.abort();
console.log(JSON.stringify(seen));

// Bodies of the OpenAI dialect and outputs of engines on their way into its answers. The first byte
// picks what the rest is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "protocols/openai/audio.hpp"
#include "protocols/openai/chat_answer.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/completion_answer.hpp"
#include "protocols/openai/completion_request.hpp"
#include "protocols/openai/embedding.hpp"
#include "protocols/openai/errors.hpp"

namespace {

using namespace headrace;
using namespace headrace::catalog;
using namespace headrace::protocols::openai;

constexpr std::string_view kNarrow = R"({"profile":"chat","parameters":{
"messages":{"kind":"json","schema":{"type":"array","items":{"type":"object","required":["role","content"],
"additionalProperties":false,"properties":{"role":{"enum":["system","user"]},"content":{"type":"string"},
"name":{"type":"string"}}}}},"temperature":{"kind":"float","min":0,"max":2,"required":false},
"stop":{"kind":"string","list":true,"max_items":4,"required":false},"seed":{"kind":"integer","required":false},
"max_tokens":{"kind":"integer","min":1,"required":false}},"outputs":{"text":{"kind":"text"}}})";
constexpr std::string_view kWide = R"({"profile":"chat","parameters":{"messages":{"kind":"json"},
"tools":{"kind":"json","required":false},"tool_choice":{"kind":"json","required":false},
"response_format":{"kind":"json","required":false},"extra":{"kind":"json","required":false},
"logprobs":{"kind":"boolean","required":false},"top_logprobs":{"kind":"integer","required":false}},
"outputs":{"text":{"kind":"text"}}})";
constexpr std::string_view kEmbed =
    R"({"profile":"embed","inputs":{"text":{"kind":"text","count":"1..2"}},
"outputs":{"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1]}}})";
constexpr std::string_view kRerank = R"({"profile":"rerank","inputs":{"query":{"kind":"text"},
"documents":{"kind":"text","count":"1..3"}},"outputs":{"scores":{"kind":"float","list":true}}})";
constexpr std::string_view kSpeak = R"({"profile":"speak","inputs":{"text":{"kind":"text"}},
"parameters":{"voice":{"kind":"string","required":false}},"outputs":{"audio":{"kind":"audio"}}})";

void require(bool holds) {
    if (!holds) std::abort();
}

std::shared_ptr<const Validator> compiled(std::string_view interface) {
    return Validator::compile(interface_from_json(interface).value()).value();
}

/// Every refusal names a place in words of its own, and is JSON.
void judge(const Error& error) {
    const auto body = parse_json_object(error_body(error, status_of(error.code)));
    require(body.has_value() && body->at("error").as_object().size() == 4);
}

/// What goes to the core is valid, and travels.
void judge(const Validator& validator, const Values& values) {
    auto travelled = decode(encode(values));
    require(travelled.has_value() && *travelled == values);
    require(validator.check(Side::input, *travelled).has_value());
}

void read_chat(const Validator& validator, std::string_view text, bool completion) {
    auto body = parse_json_object(text);
    if (!body) return;
    const auto head = read_chat_head(*body);
    if (!head) return judge(head.error());
    if (completion) {
        const auto input = read_completion_input(std::move(*body), validator, head->choices);
        if (!input) return judge(input.error());
        require(input->runs.size() % head->choices == 0 && input->runs.size() <= kMostRuns);
        for (const auto& run : input->runs) judge(validator, run);
        return;
    }
    const auto choices = head->choices;
    const auto input = read_chat_input(std::move(*body), validator, choices);
    if (!input) return judge(input.error());
    require(input->choices.size() == choices);
    for (const auto& choice : input->choices) judge(validator, choice);
}

void read_others(std::string_view text) {
    static const auto embed = compiled(kEmbed);
    static const auto rerank = compiled(kRerank);
    static const auto speak = compiled(kSpeak);
    const auto body = parse_json_object(text);
    if (!body) return;
    if (const auto input = read_embedding_input(*body, *embed); !input) {
        judge(input.error());
    } else {
        for (const auto& run : input->runs) judge(*embed, run);
    }
    if (const auto input = read_rerank_input(*body, *rerank); !input) {
        judge(input.error());
    } else {
        judge(*rerank, input->values);
    }
    if (const auto input = read_speech_input(*body, *speak); !input) {
        judge(input.error());
    } else {
        judge(*speak, input->values);
    }
}

/// Streams must be events whose data are JSON, whatever the engine gave.
void judge_events(std::string_view events) {
    while (!events.empty()) {
        const auto end = events.find("\n\n");
        require(end != std::string_view::npos && events.starts_with("data: "));
        const auto data = events.substr(6, end - 6);
        require(data == "[DONE]" || parse_json(data).has_value());
        events.remove_prefix(end + 2);
    }
}

void write_outputs(std::string_view bytes) {
    const auto cut = bytes.find('\n');
    Values values;
    values.set("text", std::string(is_utf8(bytes) ? bytes : "x"));
    const std::string json(cut == std::string_view::npos ? bytes : bytes.substr(0, cut));
    if (!parse_json(json)) return;
    for (const char* name : {"logprobs", "tool_calls", "segments"}) values.set(name, Json{json});
    AnswerFacts facts;
    facts.id = "chatcmpl-1";
    facts.logprobs = true;
    facts.include_usage = true;
    const jobs::JobRecord job;
    for (const auto& shape : {chat_chunks(facts, 1, false), text_chunks(facts, 1, 1, true)}) {
        std::string out;
        shape->step(out, 0, values);
        shape->end(out, 0, values, job);
        shape->finish(out);
        judge_events(out);
    }
    const std::vector<ChatOutput> outputs{chat_output(values, "job")};
    require(parse_json(chat_completion(facts, outputs, {})).has_value());
    require(parse_json(text_completion(facts, outputs, {})).has_value());
    for (const auto format : {TranscriptFormat::json, TranscriptFormat::verbose_json}) {
        require(parse_json(write_transcript(transcript_of(values), format).value()).has_value());
    }
    (void)write_transcript(transcript_of(values), TranscriptFormat::srt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto narrow = compiled(kNarrow);
    static const auto wide = compiled(kWide);
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 6) {
        case 0:
            read_chat(*narrow, text, false);
            break;
        case 1:
            read_chat(*wide, text, false);
            break;
        case 2:
            read_chat(*narrow, text, true);
            break;
        case 3:
            read_others(text);
            break;
        case 4:
            (void)wave_samples(text);
            break;
        default:
            write_outputs(text);
            break;
    }
    return 0;
}

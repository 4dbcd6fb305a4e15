// The pure parts of the smaller endpoints.
#include <cstring>

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "protocols/openai/audio.hpp"
#include "protocols/openai/chat_output.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/embedding.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

std::shared_ptr<const catalog::Validator> validator(const char* interface) {
    return catalog::Validator::compile(catalog::interface_from_json(interface).value()).value();
}

json::object object(const char* text) {
    return parse_json_object(text).value();
}

std::string param_of(const Error& error) {
    return error.violations.empty() ? "" : error.violations.front().path;
}

constexpr const char* kEmbed = R"({"profile":"embed",
    "inputs":{"text":{"kind":"text","count":"1..2","min_length":1}},
    "outputs":{"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1]}}})";

TEST(OpenaiEmbeddings, ALongListBecomesSeveralJobs) {
    const auto body = object(R"({"model":"e","input":["a","b","c"]})");
    const auto input = read_embedding_input(body, *validator(kEmbed));
    ASSERT_TRUE(input) << input.error().message;
    EXPECT_EQ(input->texts, 3U);
    ASSERT_EQ(input->runs.size(), 2U);
    EXPECT_EQ(input->runs[1].find("text")->get<catalog::Value::List>()->size(), 1U);
}

TEST(OpenaiEmbeddings, WhatCannotBeDoneIsRefusedByName) {
    const struct {
        const char* body;
        const char* param;
    } cases[] = {
        {R"({})", "input"},
        {R"({"input":""})", "input"},
        {R"({"input":["a",""]})", "input[1]"},
        {R"({"input":[]})", "input"},
        {R"({"input":[1,2]})", "input"},
        {R"({"input":[[1],[2]]})", "input"},
        {R"({"input":"a","dimensions":3})", "dimensions"},
        {R"({"input":"a","encoding_format":"hex"})", "encoding_format"},
    };
    for (const auto& one : cases) {
        const auto input = read_embedding_input(object(one.body), *validator(kEmbed));
        ASSERT_FALSE(input) << one.body;
        EXPECT_EQ(input.error().code, ErrorCode::invalid_argument);
        EXPECT_EQ(param_of(input.error()), one.param) << one.body;
    }
}

catalog::Values matrix(catalog::DType dtype, std::vector<double> numbers, std::int64_t rows) {
    catalog::Tensor tensor;
    tensor.dtype = dtype;
    tensor.shape = {rows, static_cast<std::int64_t>(numbers.size()) / rows};
    for (const double number : numbers) {
        const auto narrow = static_cast<float>(number);
        if (dtype == catalog::DType::fp64) {
            tensor.data.append(reinterpret_cast<const char*>(&number), 8);
        } else {
            tensor.data.append(reinterpret_cast<const char*>(&narrow), 4);
        }
    }
    catalog::Values values;
    values.set("embeddings", std::move(tensor));
    return values;
}

TEST(OpenaiEmbeddings, NumbersOrTheirBytes) {
    for (const auto dtype : {catalog::DType::fp32, catalog::DType::fp64}) {
        std::string out;
        std::size_t index = 0;
        ASSERT_TRUE(append_embeddings(out, matrix(dtype, {0.5, -1, 0.1, 2}, 2), false, index));
        EXPECT_EQ(out, R"({"object":"embedding","index":0,"embedding":[0.5,-1]},)"
                       R"({"object":"embedding","index":1,"embedding":[0.1,2]})");
        EXPECT_EQ(index, 2U);
        out.clear();
        ASSERT_TRUE(append_embeddings(out, matrix(dtype, {0.5, -1}, 1), true, index));
        const float numbers[] = {0.5F, -1};
        const std::string bytes(reinterpret_cast<const char*>(numbers), 8);
        EXPECT_EQ(out, ",{\"object\":\"embedding\",\"index\":2,\"embedding\":\"" +
                           to_base64(bytes) + "\"}");
    }
}

TEST(OpenaiEmbeddings, WhatIsNoMatrixIsTheEnginesFault) {
    catalog::Values values;
    values.set("embeddings", catalog::Tensor{catalog::DType::int8, {1, 1}, "x"});
    std::string out;
    std::size_t index = 0;
    EXPECT_EQ(append_embeddings(out, values, false, index).error().code, ErrorCode::engine_failed);
}

TEST(OpenaiRerank, BestFirst) {
    const auto rules = validator(R"({"profile":"rerank","inputs":{"query":{"kind":"text"},
        "documents":{"kind":"text","count":"1..9"}},
        "outputs":{"scores":{"kind":"float","list":true}}})");
    const auto body = object(R"({"model":"r","query":"q","documents":["a",{"text":"b"},"c"],
        "top_n":2,"return_documents":true})");
    const auto input = read_rerank_input(body, *rules);
    ASSERT_TRUE(input) << input.error().message;
    catalog::Values outputs;
    outputs.set("scores", catalog::Value::List{0.1, 0.9, 0.5});
    EXPECT_EQ(rerank_answer("rerank-1", "r", *input, outputs, 4).value(),
              R"({"id":"rerank-1","object":"list","model":"r","results":[)"
              R"({"index":1,"relevance_score":0.9,"document":{"text":"b"}},)"
              R"({"index":2,"relevance_score":0.5,"document":{"text":"c"}}],)"
              R"("usage":{"prompt_tokens":4,"total_tokens":4},)"
              R"("meta":{"billed_units":{"search_units":1}}})");
    outputs.set("scores", catalog::Value::List{0.1});
    EXPECT_FALSE(rerank_answer("rerank-1", "r", *input, outputs, 4));
}

constexpr const char* kSpeak = R"({"profile":"speak","inputs":{"text":{"kind":"text"}},
    "parameters":{"voice":{"kind":"string","required":false}},
    "outputs":{"audio":{"kind":"audio","content_types":["audio/wav"]}}})";

TEST(OpenaiSpeech, FormatsThatTheModelCannotGive) {
    const auto rules = validator(kSpeak);
    const auto read = [&](const char* more) {
        auto body = object(R"({"model":"s","input":"hi","voice":"en"})");
        for (auto& member : object(more)) body[member.key()] = member.value();
        return read_speech_input(body, *rules);
    };
    EXPECT_TRUE(read("{}"));
    EXPECT_FALSE(read(R"({"response_format":"wav"})").value().pcm);
    EXPECT_TRUE(read(R"({"response_format":"pcm"})").value().pcm);
    EXPECT_EQ(param_of(read(R"({"response_format":"mp3"})").error()), "response_format");
    EXPECT_EQ(param_of(read(R"({"response_format":"tape"})").error()), "response_format");
    EXPECT_TRUE(read(R"({"speed":1})"));
    EXPECT_EQ(param_of(read(R"({"speed":1.5})").error()), "speed");
    EXPECT_EQ(param_of(read(R"({"speed":9})").error()), "speed");
    EXPECT_EQ(param_of(read(R"({"instructions":"sadly"})").error()), "instructions");
    EXPECT_TRUE(read(R"({"stream_format":"sse"})").value().events);
    EXPECT_EQ(*read(R"({"voice":{"id":"de"}})").value().values.find("voice")->get<std::string>(),
              "de");
}

TEST(OpenaiSpeech, SamplesOfAWaveFile) {
    const std::string head("RIFF\x24\0\0\0WAVE", 12);
    const std::string fmt("fmt \x03\0\0\0abc\0", 12);  // an odd chunk has a byte behind it
    const std::string data("data\x04\0\0\0", 8);
    EXPECT_EQ(wave_samples(head + fmt + data + "1234" + "LIST"), "1234");
    EXPECT_EQ(wave_samples(head + std::string("data\xff\xff\xff\xff", 8) + "12"), "12");
    EXPECT_FALSE(wave_samples(head + fmt));
    EXPECT_FALSE(wave_samples("ID3"));
    for (std::size_t size = 0; size < 40; ++size) {
        (void)wave_samples((head + fmt + data + "1234").substr(0, size));
    }
}

TEST(OpenaiTranscripts, EveryFormat) {
    catalog::Values outputs;
    outputs.set("text", std::string("Hi there"));
    outputs.set("language", std::string("en"));
    outputs.set("segments", catalog::Json{R"([{"start":0,"end":1.5,"text":" Hi"},
                                 {"start":61.25,"end":3662,"text":" there"}])"});
    const auto transcript = transcript_of(outputs);
    EXPECT_EQ(write_transcript(transcript, TranscriptFormat::json).value(),
              R"({"text":"Hi there"})");
    EXPECT_EQ(write_transcript(transcript, TranscriptFormat::text).value(), "Hi there\n");
    EXPECT_EQ(write_transcript(transcript, TranscriptFormat::srt).value(),
              "1\n00:00:00,000 --> 00:00:01,500\nHi\n\n"
              "2\n00:01:01,250 --> 01:01:02,000\nthere\n\n");
    EXPECT_EQ(write_transcript(transcript, TranscriptFormat::vtt).value(),
              "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nHi\n\n"
              "00:01:01.250 --> 01:01:02.000\nthere\n\n");
    const auto verbose =
        object(write_transcript(transcript, TranscriptFormat::verbose_json).value().c_str());
    EXPECT_EQ(verbose.at("duration"), 3662);
    EXPECT_EQ(verbose.at("segments").as_array().size(), 2U);
    outputs.set("segments", catalog::Json{"[]"});
    EXPECT_FALSE(write_transcript(transcript_of(outputs), TranscriptFormat::srt));
    EXPECT_EQ(audio_type_of("a.mp3", "application/octet-stream"), "audio/mpeg");
    EXPECT_EQ(audio_type_of("a.mp3", "audio/x-own"), "audio/x-own");
}

TEST(OpenaiFields, NullIsAbsentAndNumbersAreExact) {
    const auto body =
        object(R"({"a":null,"b":5.0,"c":5.5,"d":"5","e":99999999999999999999,"f":7})");
    EXPECT_FALSE(read_integer(body, "a").value());
    EXPECT_EQ(read_integer(body, "b").value(), 5);
    for (const char* name : {"c", "d", "e"}) EXPECT_FALSE(read_integer(body, name)) << name;
    EXPECT_FALSE(read_integer(body, "f", 0, 6));
    EXPECT_FALSE(read_integer(body, "f", 8));
    EXPECT_EQ(read_integer(body, "f", 0, 7).value(), 7);
    EXPECT_EQ(param_of(require_text(body, "a").error()), "a");
}

TEST(OpenaiIds, RoundTrip) {
    const auto id = *Uuid::parse("0190aabb-ccdd-7eee-8fff-001122334455");
    EXPECT_EQ(wire_id(kFilePrefix, id), "file-0190aabbccdd7eee8fff001122334455");
    EXPECT_EQ(parse_wire_id(kFilePrefix, wire_id(kFilePrefix, id)), id);
    for (const char* bad : {"", "file-", "file-00", "batch_0190aabbccdd7eee8fff001122334455",
                            "file-0190aabbccdd7eee8fff00112233445g"}) {
        EXPECT_FALSE(parse_wire_id(kFilePrefix, bad)) << bad;
    }
}

TEST(OpenaiOutputs, CallsInPiecesAreJoined) {
    auto pieces = tool_calls_of(
        R"([{"index":1,"id":"b","name":"g","arguments":"{"},{"index":0,"name":"f","arguments":{"x":1}},
            {"index":1,"arguments":"}"}])");
    ASSERT_TRUE(pieces);
    const auto calls = joined(std::move(*pieces), "job");
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls[0].id, "call_job_0");
    EXPECT_EQ(calls[0].arguments, R"({"x":1})");
    EXPECT_EQ(calls[1].id, "b");
    EXPECT_EQ(calls[1].arguments, "{}");
    EXPECT_TRUE(tool_calls_of("")->empty());
    EXPECT_FALSE(tool_calls_of("{}"));
}

TEST(OpenaiOutputs, LogprobsInTheShapeOfTheWire) {
    std::string out;
    append_logprobs(
        out, R"([{"token":"a","logprob":null,"bytes":[97],"top":[{"token":"a","logprob":-1}]}])");
    EXPECT_EQ(out, R"({"content":[{"token":"a","logprob":-9999.0,"bytes":[97],"top_logprobs":[)"
                   R"({"token":"a","logprob":-1,"bytes":null}]}],"refusal":null})");
    out.clear();
    append_logprobs(out, "");
    EXPECT_EQ(out, "null");
}

TEST(ChatHead, TheScanSaysWhatTheTreeSaysOrNothing) {
    int scanned = 0;
    for (const std::string_view text :
         {R"({"model":"m","messages":[{"role":"user","content":"x"}]})",
          R"({"messages":[],"stream":true,"stream_options":{"include_usage":true},"model":"a/B"})",
          R"({"model":"m","stream":true,"stream_options":{"include_usage":false}})",
          R"({"model":"m","stream":true,"stream_options":{}})",
          R"({"model":"m","stream":false,"n":3,"max_tokens":7})",
          R"({"model":"m","stream":null,"n":null,"max_tokens":null,"stream_options":null})",
          R"({"model":"m","max_tokens":7,"max_completion_tokens":9})",
          R"({"model":"m","max_tokens":7,"max_completion_tokens":0})"}) {
        const auto head = scan_chat_head(text);
        const auto tree = parse_json_object(text);
        ASSERT_TRUE(head && tree) << text;
        const auto read = read_chat_head(*tree);
        ASSERT_TRUE(read.has_value()) << text;
        EXPECT_EQ(head->model, read->model);
        EXPECT_EQ(head->stream, read->stream) << text;
        EXPECT_EQ(head->include_usage, read->include_usage) << text;
        EXPECT_EQ(head->choices, read->choices) << text;
        EXPECT_EQ(head->max_tokens, read->max_tokens) << text;
        ++scanned;
    }
    EXPECT_EQ(scanned, 8);
    for (const std::string_view text :
         {R"({"model":"m")", R"([])", R"({"model":""})", R"({"model":1})", R"({"messages":[]})",
          R"({"model":"m\u0041"})", R"({"model":"m","stream":1})", R"({"model":"m","n":0})",
          R"({"model":"m","n":17})", R"({"model":"m","n":2.0})", R"({"model":"m","max_tokens":-1})",
          R"({"model":"m","max_tokens":"7"})", R"({"model":"m","model":"m"})",
          R"({"model":"m","stream_options":{"include_usage":true}})",
          R"({"model":"m","stream":true,"stream_options":[]})",
          R"({"model":"m","stream":true,"stream_options":{"include_usage":1}})",
          R"({"model":"m","metadata":{"a":1,"a":2}})"}) {
        EXPECT_FALSE(scan_chat_head(text).has_value()) << text;
    }
}

}  // namespace
}  // namespace headrace::protocols::openai

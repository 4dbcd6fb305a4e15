#include "upstreams/openai_request.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "catalog/validator.hpp"
#include "upstreams/openai_interface.hpp"

namespace headrace::upstreams {
namespace {

using catalog::Profile;

std::string spliced(std::string_view body, std::string_view operation = "chat/completions") {
    const auto out = splice_body(body, std::string(operation), "real/model");
    return out ? out->body : "refused: " + out.error().message;
}

TEST(SpliceBody, ChangesTheModelAndNothingElse) {
    EXPECT_EQ(spliced(R"({ "model" : "alias", "x":1.0,  "messages":[ {"role":"user"} ] })"),
              R"({ "model" : "real/model", "x":1.0,  "messages":[ {"role":"user"} ] })");
    EXPECT_EQ(spliced(R"({"mod\u0065l":"alias"})"), R"({"mod\u0065l":"real/model"})");
    EXPECT_EQ(spliced(R"({"x":1})"), R"({"model":"real/model","x":1})");
    EXPECT_EQ(spliced("{}"), R"({"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"model":{"nested":[1,2]},"a":2})"), R"({"model":"real/model","a":2})");
}

TEST(SpliceBody, AsksForUsageWhereItStreams) {
    EXPECT_EQ(spliced(R"({"model":"a","stream":true})"),
              R"({"stream_options":{"include_usage":true},"model":"real/model","stream":true})");
    EXPECT_EQ(
        spliced(R"({"stream":true,"stream_options":{"include_usage":false,"x":1},"model":"a"})"),
        R"({"stream":true,"stream_options":{"include_usage":true,"x":1},"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"stream":true,"stream_options":{},"model":"a"})"),
              R"({"stream":true,"stream_options":{"include_usage":true},"model":"real/model"})");
    EXPECT_EQ(
        spliced(R"({"stream":true,"stream_options":{"x":1},"model":"a"})"),
        R"({"stream":true,"stream_options":{"include_usage":true,"x":1},"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"stream":true,"stream_options":null,"model":"a"})"),
              R"({"stream":true,"stream_options":{"include_usage":true},"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"stream":false,"model":"a"})"),
              R"({"stream":false,"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"stream":true,"model":"a"})", "audio/speech"),
              R"({"stream":true,"model":"real/model"})");
    EXPECT_EQ(spliced(R"({"stream":true})"),
              R"({"model":"real/model","stream_options":{"include_usage":true},"stream":true})");
}

TEST(SpliceBody, KnowsWhatTheCallerAskedFor) {
    const auto asked =
        splice_body(R"({"model":"a","stream":true,"stream_options":{"include_usage":true}})",
                    "chat/completions", "m");
    ASSERT_TRUE(asked.has_value());
    EXPECT_TRUE(asked->usage_wanted);
    EXPECT_TRUE(asked->stream);
    EXPECT_FALSE(
        splice_body(R"({"model":"a","stream":true})", "chat/completions", "m")->usage_wanted);
    EXPECT_FALSE(splice_body(R"({"model":"a"})", "chat/completions", "m")->stream);
}

TEST(SpliceBody, EveryResultIsJsonOfTheSameContent) {
    for (const char* body :
         {R"({"model":"a","stream":true,"z":"\ud83d\ude00"})",
          R"({"stream_options":{"include_usage":false},"stream":true})",
          "{\n\t\"stream\" : true ,\r\n \"stream_options\" : { } , \"model\":\"\" }"}) {
        const auto before = parse_json_object(body);
        const auto after = parse_json_object(spliced(body));
        ASSERT_TRUE(before && after) << spliced(body);
        EXPECT_EQ(after->at("model"), json::value("real/model"));
        EXPECT_EQ(after->at("stream_options").at("include_usage"), json::value(true));
        for (const auto& member : *before) {
            if (member.key() == "model" || member.key() == "stream_options") continue;
            EXPECT_EQ(after->at(member.key()), member.value());
        }
    }
}

TEST(SpliceBody, RefusesWhatTwoParsersReadDifferently) {
    for (const char* body : {R"({"model":"a","model":"b"})", R"({"model":"a","mod\u0065l":"b"})",
                             "[]", "{\"model\":\"a\"", "{\"model\":\"a\"} {}", "\"x\""}) {
        EXPECT_TRUE(spliced(body).starts_with("refused")) << body;
    }
}

TEST(RenderBody, ChatInTheServersWords) {
    catalog::Values input;
    input.set("messages", catalog::Json{R"([{"role":"user","content":"hi"}])"});
    input.set("temperature", 0.5);
    input.set("max_tokens", std::int64_t{16});
    input.set("stop", std::vector<catalog::Value>{std::string("a\"b"), std::string("c")});
    input.set("repeat_penalty", 1.1);
    input.set("response_format",
              catalog::Json{R"({"type":"json_schema","schema":{"type":"object"}})"});
    input.set("top_p", catalog::Null{});
    input.set("extra", catalog::Json{R"({"temperature":9,"chat_template_kwargs":{"x":true}})"});
    const auto out = render_body(Profile::chat, input, "m", true);
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(out->operation, "chat/completions");
    EXPECT_EQ(
        out->body,
        R"({"model":"m","messages":[{"role":"user","content":"hi"}],"temperature":0.5,"max_tokens":16,)"
        R"("stop":["a\"b","c"],"repetition_penalty":1.1,"response_format":{"type":"json_schema",)"
        R"("json_schema":{"name":"answer","schema":{"type":"object"}}},"stream":true,)"
        R"("stream_options":{"include_usage":true},"chat_template_kwargs":{"x":true}})");
}

TEST(RenderBody, OtherProfiles) {
    catalog::Values input;
    input.set("text", std::vector<catalog::Value>{std::string("a"), std::string("b")});
    EXPECT_EQ(render_body(Profile::embed, input, "m", false)->body,
              R"({"model":"m","input":["a","b"],"encoding_format":"base64"})");
    catalog::Values rank;
    rank.set("query", std::string("q"));
    rank.set("documents", std::vector<catalog::Value>{std::string("d")});
    EXPECT_EQ(render_body(Profile::rerank, rank, "m", false)->body,
              R"({"model":"m","query":"q","documents":["d"]})");
}

TEST(RenderBody, MultipartCannotBeBrokenByItsContent) {
    catalog::Values input;
    catalog::Media audio;
    audio.content_type = "audio/wav\r\nX-Evil: 1";
    audio.name = "a\"b\r\n/../c.wav";
    audio.source = catalog::InlineBytes{std::string("RIFF\0\r\n--headrace-", 18)};
    input.set("audio", std::move(audio));
    const auto out = render_body(Profile::transcribe, input, "m", false);
    ASSERT_TRUE(out.has_value());
    EXPECT_EQ(out->body.find("X-Evil"), std::string::npos);
    EXPECT_NE(out->body.find("filename=\"ab..c.wav\""), std::string::npos);
    EXPECT_NE(out->body.find(std::string("RIFF\0\r\n--headrace-", 18)), std::string::npos);
}

TEST(IsOperation, IsAPathBelowV1) {
    for (const char* good : {"chat/completions", "embeddings", "audio/speech", "rerank"}) {
        EXPECT_TRUE(is_operation(good)) << good;
    }
    for (const char* bad :
         {"", "/x", "x/", "a//b", "../models", "a?b", "a b", "A", "a%2fb", "a#b"}) {
        EXPECT_FALSE(is_operation(bad)) << bad;
    }
}

TEST(IsOwnOperation, IsTheRouteThatTheModelIsThereFor) {
    EXPECT_TRUE(is_own_operation(Profile::chat, "chat/completions"));
    EXPECT_TRUE(is_own_operation(Profile::chat, "completions"));
    EXPECT_TRUE(is_own_operation(Profile::chat, "responses"));
    EXPECT_TRUE(is_own_operation(Profile::embed, "embeddings"));
    EXPECT_FALSE(is_own_operation(Profile::chat, "embeddings"));
    EXPECT_FALSE(is_own_operation(Profile::embed, "completions"));
}

TEST(OpenaiInterface, CompilesForEveryProfileWithARoute) {
    for (const Profile profile :
         {Profile::chat, Profile::embed, Profile::rerank, Profile::transcribe, Profile::speak}) {
        auto interface = openai_interface(profile);
        ASSERT_TRUE(interface.has_value())
            << catalog::to_string(profile) << interface.error().message;
        EXPECT_EQ(interface->profile, profile);
        const auto validator = catalog::Validator::compile(std::move(*interface));
        ASSERT_TRUE(validator.has_value()) << catalog::to_string(profile);
        // Nothing is required: a verbatim body stands alone.
        catalog::Values verbatim;
        verbatim.set("request", catalog::Json{"{}"});
        EXPECT_TRUE((*validator)->check(catalog::Side::input, verbatim).has_value());
        catalog::Values answer;
        answer.set("response", std::string("{}"));
        answer.set("status", std::int64_t{400});
        EXPECT_TRUE((*validator)->check(catalog::Side::output, answer).has_value());
    }
    EXPECT_FALSE(openai_interface(Profile::image).has_value());
}

}  // namespace
}  // namespace headrace::upstreams

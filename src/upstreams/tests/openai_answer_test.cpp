#include "upstreams/openai_answer.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

using catalog::Profile;

TEST(ReadAnswer, Chat) {
    const auto answer = read_answer(
        Profile::chat,
        R"({"choices":[{"message":{"role":"assistant","content":"Hi","tool_calls":[{"id":"1"}]},"finish_reason":"stop","logprobs":{"content":[{"token":"Hi"}]}}],"usage":{"prompt_tokens":3,"completion_tokens":1}})",
        "");
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(*answer->output.find("text")->get<std::string>(), "Hi");
    EXPECT_EQ(*answer->output.find("finish_reason")->get<std::string>(), "stop");
    EXPECT_EQ(answer->output.find("tool_calls")->get<catalog::Json>()->text, R"([{"id":"1"}])");
    EXPECT_EQ(answer->tokens.prompt, 3U);
}

TEST(ReadAnswer, EmbeddingsInBothForms) {
    const float numbers[] = {1.5F, -2.0F};
    const auto check = [&](std::string_view body) {
        const auto answer = read_answer(Profile::embed, body, "");
        ASSERT_TRUE(answer.has_value()) << answer.error().message;
        const auto* tensor = answer->output.find("embeddings")->get<catalog::Tensor>();
        EXPECT_EQ(tensor->shape, (std::vector<std::int64_t>{1, 2}));
        EXPECT_EQ(std::memcmp(tensor->data.data(), numbers, sizeof numbers), 0);
    };
    check(R"({"data":[{"index":0,"embedding":[1.5,-2]}],"usage":{"prompt_tokens":1}})");
    check(R"({"data":[{"index":0,"embedding":"AADAPwAAAMA="}]})");
}

TEST(ReadAnswer, RerankPutsScoresInTheDocumentsOrder) {
    const auto answer = read_answer(
        Profile::rerank,
        R"({"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]})", "");
    ASSERT_TRUE(answer.has_value());
    const auto& scores = *answer->output.find("scores")->get<catalog::Value::List>();
    EXPECT_EQ(*scores[0].get<double>(), 0.1);
    EXPECT_EQ(*scores[1].get<double>(), 0.9);
}

TEST(ReadAnswer, WhatIsNotAnAnswerIsTheServersFault) {
    for (const auto profile :
         {Profile::chat, Profile::embed, Profile::rerank, Profile::transcribe}) {
        for (const char* body :
             {"", "garbage", "[]", "{}", R"({"choices":[]})", R"({"choices":[1]})",
              R"({"data":[]})", R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})",
              R"({"data":[{"embedding":["x"]}]})", R"({"data":[{"embedding":"!!"}]})",
              R"({"results":[{"index":5,"relevance_score":1}]})",
              R"({"results":[{"index":-1,"relevance_score":1}]})", R"({"text":5})",
              R"({"error":{"message":"x"}})"}) {
            const auto answer = read_answer(profile, body, "");
            ASSERT_FALSE(answer.has_value()) << body;
            EXPECT_EQ(answer.error().fault, Fault::server) << body;
        }
    }
}

TEST(ChatDeltas, GathersTextToolsAndUsage) {
    ChatDeltas deltas("");
    const auto take = [&](std::string_view data) { return deltas.take(data).value_or("<error>"); };
    EXPECT_EQ(take(R"({"choices":[{"delta":{"role":"assistant","content":""}}]})"), "");
    EXPECT_EQ(take(R"({"choices":[{"delta":{"content":"Hel"}}]})"), "Hel");
    EXPECT_EQ(take(R"({"choices":[{"delta":{"content":"lo"}}]})"), "lo");
    EXPECT_EQ(
        take(
            R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]}}]})"),
        "");
    EXPECT_EQ(
        take(
            R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}}]})"),
        "");
    EXPECT_EQ(
        take(
            R"({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]})"),
        "");
    EXPECT_FALSE(deltas.finished());
    EXPECT_EQ(take(R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"), "");
    EXPECT_EQ(take(R"({"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":6}})"), "");
    EXPECT_TRUE(deltas.finished());
    const auto answer = deltas.answer();
    EXPECT_EQ(answer.output.find("tool_calls")->get<catalog::Json>()->text,
              R"([{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}])");
    EXPECT_EQ(answer.tokens.completion, 6U);
}

TEST(ChatDeltas, StrangeEventsAreBorneOrRefused) {
    ChatDeltas deltas("");
    for (const char* event :
         {"{}", R"({"choices":null})", R"({"choices":[5]})", R"({"choices":[{"delta":7}]})",
          R"({"choices":[{"delta":{"content":5,"tool_calls":[3,{"index":"x"}]}}]})"}) {
        EXPECT_TRUE(deltas.take(event).has_value()) << event;
    }
    EXPECT_FALSE(deltas.take("nonsense").has_value());
    EXPECT_FALSE(deltas.take(R"({"error":{"message":"x"}})").has_value());
}

}  // namespace
}  // namespace headrace::upstreams

#include "protocols/fastchat/chat_request.hpp"

#include <gtest/gtest.h>

#include "protocols/fastchat/errors.hpp"

namespace headrace::protocols::fastchat {
namespace {

tl::expected<ChatRequest, Refusal> read(std::string_view more) {
    return read_chat_request(*parse_json_object(
        R"({"model":"m","messages":[{"role":"user","content":"hi"}])" + std::string(more) + '}'));
}

catalog::Version version_with(std::string_view interface) {
    catalog::Version out;
    out.validator = *catalog::Validator::compile(*catalog::interface_from_json(interface));
    return out;
}

TEST(FastchatChatRequest, RangesAreThoseOfFastchat) {
    for (const auto* good :
         {R"(,"temperature":0)", R"(,"temperature":2)", R"(,"top_p":0)", R"(,"top_k":-1)",
          R"(,"top_k":1)", R"(,"n":2)", R"(,"max_tokens":1)", R"(,"max_tokens":null)",
          R"(,"stop":"a")", R"(,"stop":["a","b"])", R"(,"unknown":{"x":1})"}) {
        EXPECT_TRUE(read(good)) << good;
    }
    const std::pair<const char*, int> kBad[] = {
        {R"(,"temperature":-0.1)", code::kRange},
        {R"(,"temperature":2.1)", code::kRange},
        {R"(,"top_p":1.1)", code::kRange},
        {R"(,"top_k":0)", code::kRange},
        {R"(,"top_k":-2)", code::kRange},
        {R"(,"n":0)", code::kRange},
        {R"(,"n":1000)", code::kRange},
        {R"(,"max_tokens":0)", code::kRange},
        {R"(,"stop":7)", code::kRange},
        {R"(,"stop":[7])", code::kRange},
        {R"(,"temperature":"hot")", code::kValidation},
        {R"(,"stream":"yes")", code::kValidation},
        {R"(,"max_tokens":1.5)", code::kValidation},
    };
    for (const auto& [text, number] : kBad) {
        const auto refused = read(text);
        ASSERT_FALSE(refused) << text;
        EXPECT_EQ(refused.error().number, number) << text;
    }
    EXPECT_EQ(read_chat_request(json::object{}).error().number, code::kValidation);
}

TEST(FastchatChatRequest, OnlyFieldsThatTheModelTakes) {
    const auto whole = version_with(R"({"profile":"chat","parameters":{
        "messages":{"kind":"json"},"prompt":{"kind":"string"},"temperature":{"kind":"float"},
        "repeat_penalty":{"kind":"float"},"top_k":{"kind":"integer"},"stop":{"kind":"string","list":true}},
        "outputs":{"text":{"kind":"text"}}})");
    const auto request = read(R"(,"repetition_penalty":1.2,"stop":"x","top_p":0.5)");
    const auto values = canonical(*request, whole);
    ASSERT_TRUE(values);
    EXPECT_NE(values->find("messages"), nullptr);
    EXPECT_EQ(*values->find("repeat_penalty")->get<double>(), 1.2);
    EXPECT_EQ(values->find("top_p"), nullptr);
    EXPECT_EQ(values->find("top_k"), nullptr);

    auto raw = *request;
    raw.messages = "as it is";
    EXPECT_EQ(*canonical(raw, whole)->find("prompt")->get<std::string>(), "as it is");
    const auto plain = version_with(
        R"({"profile":"chat","parameters":{"messages":{"kind":"json"}},"outputs":{"text":{"kind":"text"}}})");
    EXPECT_EQ(canonical(raw, plain)->find("messages")->get<catalog::Json>()->text,
              R"([{"role":"user","content":"as it is"}])");
    const auto embeds =
        version_with(R"({"inputs":{"text":{"kind":"text"}},"outputs":{"text":{"kind":"text"}}})");
    EXPECT_FALSE(canonical(*request, embeds));
}

}  // namespace
}  // namespace headrace::protocols::fastchat

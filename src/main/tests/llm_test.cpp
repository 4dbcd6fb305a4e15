#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "catalog/interface.hpp"
#include "catalog/version.hpp"
#include "main/gen_ai.hpp"
#include "main/llm_answer.hpp"
#include "main/llm_calls.hpp"
#include "upstreams/openai_interface.hpp"

namespace headrace::main {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

jobs::VersionPtr version(catalog::Profile profile, std::string model = "org/m") {
    auto out = std::make_shared<catalog::Version>();
    auto interface = upstreams::openai_interface(profile);
    if (!interface) throw std::runtime_error(interface.error().message);
    auto validator = catalog::Validator::compile(std::move(*interface));
    if (!validator) throw std::runtime_error(validator.error().message);
    out->validator = std::move(*validator);
    out->model = std::move(model);
    return out;
}

jobs::JobRecord job(std::vector<jobs::Meter> meters) {
    jobs::JobRecord out;
    out.id = *JobId::parse("0190a1b2-0000-7000-8000-000000000001");
    out.capability = "m";
    out.version = "1.0.0";
    out.attempt = 1;
    out.state = jobs::JobState::succeeded;
    out.usage.meters = std::move(meters);
    return out;
}

std::shared_ptr<const jobs::Payload> payload(const catalog::Values& values) {
    auto out = std::make_shared<jobs::Payload>();
    out->values = catalog::encode(values);
    return out;
}

catalog::Values values(std::string_view name, catalog::Value value) {
    catalog::Values out;
    out.set(name, std::move(value));
    return out;
}

TEST(LlmMetrics, TokensAndTheirTimes) {
    telemetry::Registry registry;
    jobs::CoreObserver next;
    LlmCalls calls(registry, nullptr, next);
    const auto chat = version(catalog::Profile::chat);
    const std::shared_ptr<const jobs::Payload> none;
    jobs::EndFacts facts{chat, none};
    facts.first_output = 200ms;
    facts.after_first = 1s;
    calls.job_measured(job({{"prompt_tokens", 7}, {"completion_tokens", 11}, {"cached_tokens", 4}}),
                       facts);
    const auto text = registry.render();
    const std::string labels = R"({capability="m",model="org/m")";
    EXPECT_THAT(text,
                HasSubstr("headrace_llm_tokens_total" + labels + R"(,direction="prompt"} 7)"));
    EXPECT_THAT(text, HasSubstr(labels + R"(,direction="completion"} 11)"));
    EXPECT_THAT(text, HasSubstr(labels + R"(,direction="cached"} 4)"));
    EXPECT_THAT(text, HasSubstr("headrace_llm_time_to_first_token_seconds_sum" + labels + "} 0.2"));
    EXPECT_THAT(text,
                HasSubstr("headrace_llm_time_per_output_token_seconds_sum" + labels + "} 0.1"));
}

TEST(LlmMetrics, OnlyLanguageModels) {
    telemetry::Registry registry;
    jobs::CoreObserver next;
    LlmCalls calls(registry, nullptr, next);
    const std::shared_ptr<const jobs::Payload> none;
    const auto speak = version(catalog::Profile::speak);
    const jobs::VersionPtr gone;
    calls.job_measured(job({{"prompt_tokens", 7}}), {speak, none});
    calls.job_measured(job({{"prompt_tokens", 7}}), {gone, none});
    EXPECT_THAT(registry.render(), Not(HasSubstr("capability=")));
    const auto embed = version(catalog::Profile::embed);
    calls.job_measured(job({{"prompt_tokens", 7}}), {embed, none});
    EXPECT_THAT(registry.render(), HasSubstr(R"(direction="prompt"} 7)"));
}

TEST(LlmMetrics, AnswersThatDoNotStreamAndSecondAttemptsGiveNoTokenTime) {
    telemetry::Registry registry;
    LlmMetrics metrics(registry);
    const auto chat = version(catalog::Profile::chat);
    const std::shared_ptr<const jobs::Payload> none;
    metrics.count(job({{"completion_tokens", 9}}), {chat, none});
    auto again = job({{"completion_tokens", 9}});
    again.attempt = 2;
    jobs::EndFacts facts{chat, none};
    facts.first_output = 1s;
    facts.after_first = 1s;
    metrics.count(again, facts);
    const auto text = registry.render();
    EXPECT_THAT(text,
                HasSubstr(R"(time_to_first_token_seconds_count{capability="m",model="org/m"} 1)"));
    EXPECT_THAT(
        text, HasSubstr(R"(time_per_output_token_seconds_count{capability="m",model="org/m"} 0)"));
}

TEST(LlmMetrics, ModelsBeyondTheCapShareOneSeries) {
    telemetry::Registry registry;
    LlmMetrics metrics(registry);
    const std::shared_ptr<const jobs::Payload> none;
    for (std::size_t i = 0; i < LlmMetrics::kMostNames + 5; ++i) {
        const auto each = version(catalog::Profile::chat, "m" + std::to_string(i));
        metrics.count(job({{"prompt_tokens", 1}}), {each, none});
    }
    EXPECT_THAT(registry.render(), HasSubstr(R"(model="other",direction="prompt"} 5)"));
}

TEST(LlmAnswer, ReasonsOfEveryForm) {
    EXPECT_THAT(finish_reasons(values("finish_reason", std::string("length"))),
                ElementsAre("length"));
    EXPECT_THAT(finish_reasons(values("response", std::string(R"({"choices":[
        {"finish_reason" : "stop","message":{"content":"x"}},{"finish_reason":"tool_calls"}]})"))),
                ElementsAre("stop", "tool_calls"));
    EXPECT_THAT(
        finish_reasons(values(
            "response",
            std::string("data: {\"choices\":[{\"delta\":{},\"finish_reason\":null}]}\n\n"
                        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"))),
        ElementsAre("stop"));
    // What an answer says is never taken for one, and words that are none are left out.
    EXPECT_THAT(
        finish_reasons(values(
            "response",
            std::string(
                R"({"choices":[{"message":{"content":"\"finish_reason\":\"secret\""},"finish_reason":"Not A Word"}]})"))),
        IsEmpty());
    for (const char* torn : {"\"finish_reason\"", "\"finish_reason\":", "\"finish_reason\":\"st"})
        EXPECT_LE(finish_reasons(values("response", std::string(torn))).size(), 1U);
}

TEST(LlmAnswer, TextsOfEveryForm) {
    EXPECT_EQ(answer_text(values("text", std::string("Hello"))), "Hello");
    EXPECT_EQ(
        answer_text(values(
            "response",
            std::string("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"4111 \"}}]}\n\n"
                        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"1111\"}}]}\n\n"
                        "data: [DONE]\n\n"))),
        "4111 1111");
    EXPECT_EQ(
        answer_text(values(
            "response",
            std::string(
                R"({"choices":[{"index":0,"text":"a"},{"index":1,"message":{"content":"b"}}]})"))),
        "a\nb");
    EXPECT_EQ(
        answer_text(values("tool_calls",
                           catalog::Json{R"([{"function":{"name":"look","arguments":"{}"}}])"})),
        "look{}");
    EXPECT_EQ(request_text(values("request", catalog::Json{R"({"model":"m"})"})),
              R"({"model":"m"})");
    EXPECT_EQ(request_text(values("messages", catalog::Json{"[]"})), R"({"messages":[]})");
}

TEST(GenAi, AttributesOfAChat) {
    const auto chat = version(catalog::Profile::chat);
    auto ended = job({{"prompt_tokens", 7}, {"completion_tokens", 3}});
    ended.output = payload(values("finish_reason", std::string("stop")));
    const auto input = payload(values("operation", std::string("chat/completions")));
    const auto attributes = gen_ai_attributes(ended, {chat, input});
    const telemetry::Attributes expected{
        {"gen_ai.operation.name", std::string("chat")},
        {"gen_ai.request.model", std::string("org/m")},
        {"gen_ai.response.finish_reasons", std::vector<std::string>{"stop"}},
        {"gen_ai.usage.input_tokens", std::int64_t{7}},
        {"gen_ai.usage.output_tokens", std::int64_t{3}}};
    EXPECT_EQ(attributes, expected);
    // What its parts told comes before what its result says.
    EXPECT_EQ(std::get<std::vector<std::string>>(
                  gen_ai_attributes(ended, {chat, input}, {"length"})[2].second),
              std::vector<std::string>{"length"});
    const auto old = payload(values("operation", std::string("completions")));
    EXPECT_EQ(std::get<std::string>(gen_ai_attributes(ended, {chat, old})[0].second),
              "text_completion");
    const auto speak = version(catalog::Profile::speak);
    EXPECT_THAT(gen_ai_attributes(ended, {speak, input}), IsEmpty());
}

TEST(GenAi, WhereAServerIs) {
    const telemetry::Attributes expected{{"server.address", std::string("gpu.example")},
                                         {"server.port", std::int64_t{443}}};
    EXPECT_EQ(server_attributes("https://gpu.example/v1"), expected);
    EXPECT_THAT(server_attributes("nonsense"), IsEmpty());
}

}  // namespace
}  // namespace headrace::main

#include "chat_request.hpp"

#include <map>

#include <gtest/gtest.h>

/// The inputs of one job, as JSON-like texts by their kind.
struct hr_job {
    std::map<std::string, std::vector<std::string>> texts;
    std::map<std::string, std::string> trees;
    std::map<std::string, double> numbers;
    std::map<std::string, std::int64_t> integers;
    std::map<std::string, bool> flags;
};

namespace headrace::llama {
namespace {

template <class Map>
auto* find(Map& map, const char* name) {
    const auto found = map.find(name);
    return found == map.end() ? nullptr : &found->second;
}

hr_host fake_host() {
    hr_host host{};
    host.size = sizeof host;
    host.input_count = [](hr_job* job, const char* name) {
        const auto* held = find(job->texts, name);
        return held != nullptr ? held->size() : std::size_t{0};
    };
    host.input_text = [](hr_job* job, const char* name, std::size_t i, hr_bytes* out) {
        const auto* held = find(job->texts, name);
        if (held == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        *out = {(*held)[i].data(), (*held)[i].size()};
        return static_cast<int>(HR_OK);
    };
    host.input_json = [](hr_job* job, const char* name, std::size_t, hr_bytes* out) {
        const auto* held = find(job->trees, name);
        if (held == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        *out = {held->data(), held->size()};
        return static_cast<int>(HR_OK);
    };
    host.input_float = [](hr_job* job, const char* name, std::size_t, double* out) {
        const auto* held = find(job->numbers, name);
        if (held == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        *out = *held;
        return static_cast<int>(HR_OK);
    };
    host.input_int = [](hr_job* job, const char* name, std::size_t, std::int64_t* out) {
        const auto* held = find(job->integers, name);
        if (held == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        *out = *held;
        return static_cast<int>(HR_OK);
    };
    host.input_bool = [](hr_job* job, const char* name, std::size_t, int* out) {
        const auto* held = find(job->flags, name);
        if (held == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        *out = *held ? 1 : 0;
        return static_cast<int>(HR_OK);
    };
    return host;
}

hr_job job_with(std::string messages) {
    hr_job job;
    job.trees["messages"] = std::move(messages);
    return job;
}

constexpr const char* kHi = R"([{"role":"user","content":"hi"}])";

std::string error_of(hr_job job) {
    const auto host = fake_host();
    const auto request = read_chat_request(host, &job);
    return request ? "accepted" : request.error().message;
}

TEST(ChatRequest, DefaultsLeaveTheModelAlone) {
    auto job = job_with(kHi);
    const auto host = fake_host();
    const auto request = read_chat_request(host, &job);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->sampling.top_k, 0);
    EXPECT_EQ(request->sampling.repeat_penalty, 1);
    EXPECT_FALSE(request->max_tokens);
    EXPECT_FALSE(request->top_logprobs);
    EXPECT_TRUE(request->grammar.empty());
    auto again = read_chat_request(host, &job);
    EXPECT_NE(request->sampling.seed, again->sampling.seed);  // without one, chance decides
}

TEST(ChatRequest, EveryParameterArrives) {
    auto job = job_with(kHi);
    job.numbers = {{"temperature", 0.5}, {"top_p", 0.9}, {"min_p", 0.1}, {"repeat_penalty", 1.2}};
    job.integers = {{"top_k", 7}, {"seed", -1}, {"max_tokens", 9}, {"top_logprobs", 3}};
    job.texts["stop"] = {"a", "b"};
    job.trees["response_format"] = R"({"type":"json_object"})";
    const auto host = fake_host();
    const auto request = read_chat_request(host, &job);
    ASSERT_TRUE(request) << request.error().message;
    EXPECT_EQ(request->sampling.temperature, 0.5);
    EXPECT_EQ(request->sampling.top_p, 0.9);
    EXPECT_EQ(request->sampling.min_p, 0.1);
    EXPECT_EQ(request->sampling.repeat_penalty, 1.2);
    EXPECT_EQ(request->sampling.top_k, 7);
    EXPECT_EQ(request->sampling.seed, ~std::uint64_t{0});
    EXPECT_EQ(request->max_tokens, 9U);
    EXPECT_EQ(request->top_logprobs, 3U);
    EXPECT_EQ(request->stops, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(request->grammar.substr(0, 15), "root ::= object");
}

TEST(ChatRequest, ContentMayBeParts) {
    auto job = job_with(
        R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])");
    const auto host = fake_host();
    EXPECT_EQ(read_chat_request(host, &job)->messages.at(0).content, "ab");
    EXPECT_EQ(error_of(job_with(R"([{"role":"user","content":[{"type":"image_url"}]}])")),
              "messages[0].content may hold parts of type text only");
}

TEST(ChatRequest, ErrorsNameTheField) {
    EXPECT_EQ(error_of(job_with("[]")), "messages must be a list that is not empty");
    EXPECT_EQ(error_of(job_with(R"([{"role":"tool","content":""}])")),
              "messages[0].role must be system, user or assistant");
    auto job = job_with(kHi);
    job.numbers["top_p"] = 2;
    EXPECT_EQ(error_of(job), "top_p must be a number from 0 to 1");
    job = job_with(kHi);
    job.integers["top_logprobs"] = 50;
    EXPECT_EQ(error_of(job), "top_logprobs must be an integer from 0 to 20");
    job = job_with(kHi);
    job.texts["stop"] = {""};
    EXPECT_EQ(error_of(job), "stop must hold texts that are not empty");
    job = job_with(kHi);
    job.trees["response_format"] = R"({"type":"xml"})";
    EXPECT_EQ(error_of(job), "response_format.type must be text, json_object or json_schema");
    job.trees["response_format"] = R"({"type":"json_schema"})";
    EXPECT_EQ(error_of(job), "response_format.schema is missing");
    job.trees["response_format"] = R"({"type":"json_schema","json_schema":{"schema":{"not":{}}}})";
    EXPECT_EQ(error_of(job), "response_format.schema.not is not supported in a response format");
}

TEST(ControlWords, CannotBeWrittenByAUser) {
    const std::vector<std::string> words{"<|im_end|>", "x"};
    EXPECT_EQ(without_control_words("a<|im_end|>b x", words), "a<\xE2\x80\x8B|im_end|>b x");
    EXPECT_EQ(without_control_words("plain", words), "plain");
}

}  // namespace
}  // namespace headrace::llama

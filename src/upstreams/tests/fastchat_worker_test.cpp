#include "upstreams/fastchat_worker.hpp"

#include <cstring>

#include <gtest/gtest.h>

namespace headrace::upstreams {
namespace {

catalog::Values input(std::initializer_list<catalog::Field> fields) {
    catalog::Values out;
    for (const auto& field : fields) out.set(field.name, field.value);
    return out;
}

TEST(FastchatWorker, CodesBecomeFaults) {
    const std::tuple<int, Fault, const char*> kTable[] = {
        {40001, Fault::request, "invalid_argument"}, {40302, Fault::request, "invalid_argument"},
        {40303, Fault::request, "context_exceeded"}, {40301, Fault::model, "not_found"},
        {40102, Fault::credentials, "unavailable"},  {42901, Fault::busy, "quota_exceeded"},
        {42902, Fault::busy, "quota_exceeded"},      {42903, Fault::busy, "unavailable"},
        {50005, Fault::busy, "unavailable"},         {50006, Fault::server, "deadline_exceeded"},
        {50001, Fault::model, "engine_failed"},      {50002, Fault::model, "engine_failed"},
        {-1, Fault::model, "engine_failed"},
    };
    for (const auto& [code, fault, word] : kTable) {
        const auto error = worker_error(code, "why");
        EXPECT_EQ(error.fault, fault) << code;
        EXPECT_EQ(error.code, word) << code;
        EXPECT_EQ(error.message, "why") << code;
    }
    EXPECT_FALSE(worker_error(50001, "").message.empty());
    EXPECT_EQ(status_error(200), std::nullopt);
    EXPECT_EQ(status_error(404)->fault, Fault::model);
    EXPECT_EQ(status_error(503)->fault, Fault::busy);
    EXPECT_EQ(status_error(500)->fault, Fault::server);
    EXPECT_EQ(status_error(503, 40)->retry_after_s, 40);
    EXPECT_EQ(status_error(302)->fault, Fault::server);
}

TEST(FastchatWorker, TheBodyHasWhatFastchatsServerSends) {
    PromptTemplate form;
    form.stop = {"</s>", "X"};
    form.stop_token_ids = {2, 5};
    const auto ask =
        read_generation(input({{"temperature", 0.5},
                               {"stop", catalog::Value::List{std::string("X")}},
                               {"repeat_penalty", 1.1},
                               {"extra", catalog::Json{R"({"best_of":2,"prompt":"no"})"}}}));
    ASSERT_TRUE(ask);
    EXPECT_EQ(generation_body(*ask, form, "m", "P\"", {"data:x"}, 77),
              R"({"model":"m","prompt":"P\"","temperature":0.5,"top_p":1,"presence_penalty":0,)"
              R"("frequency_penalty":0,"repetition_penalty":1.1,"top_k":-1,"max_new_tokens":77,)"
              R"("echo":false,"logprobs":null,"stop":["X","</s>"],"stop_token_ids":[2,5],)"
              R"("images":["data:x"],"best_of":2})");
}

TEST(FastchatWorker, FormatsThatNoWorkerKeepsAreRefused) {
    const auto with = [](std::string_view format) {
        return read_generation(input({{"response_format", catalog::Json{std::string(format)}}}));
    };
    EXPECT_TRUE(with(R"({"type":"text"})"));
    for (const auto* format : {R"({"type":"json_object"})", R"({"type":"json_schema"})", "{}"}) {
        ASSERT_FALSE(with(format));
        EXPECT_EQ(with(format).error().fault, Fault::request);
    }
}

TEST(FastchatWorker, TokensAreCountedOnlyNearTheLimit) {
    EXPECT_EQ(bound_by_bytes(100, 4096, 16), 16U);
    EXPECT_EQ(bound_by_bytes(4090, 4096, 16), std::nullopt);
    EXPECT_EQ(bound_by_bytes(10, 4096, 5000), std::nullopt);
    EXPECT_EQ(bound_by_bytes(100, 4096, std::nullopt), 4096U - 100 - 8 - 1);
    EXPECT_EQ(bound_by_bytes(1000, 4096, std::nullopt), std::nullopt);
    EXPECT_EQ(bound_by_bytes(1000, 0, 9), 9U);
    EXPECT_EQ(bound_by_bytes(1000, 0, std::nullopt), 2048U);
    EXPECT_EQ(bound_by_bytes(1, 10, std::numeric_limits<std::int64_t>::max()), std::nullopt);

    EXPECT_EQ(*bound_by_count(96, 4096, std::nullopt), 3999U);
    EXPECT_EQ(*bound_by_count(96, 4096, 10), 10U);
    EXPECT_EQ(*bound_by_count(4095, 4096, 10), 1U);
    ASSERT_FALSE(bound_by_count(4096, 4096, 10));
    EXPECT_EQ(bound_by_count(5000, 4096, 1).error().code, "context_exceeded");
}

TEST(FastchatWorker, EmbeddingsInBothEncodings) {
    const auto answer =
        parse_json_object(R"({"embedding":[[1.0,0],"AACAPwAAAAA="],"token_num":7})");
    const auto read = read_embeddings(*answer, 2);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->rows[0], read->rows[1]);
    float first = 0;
    std::memcpy(&first, read->rows[0].data(), sizeof first);
    EXPECT_EQ(first, 1.0F);
    EXPECT_EQ(read->tokens, 7U);
    for (const auto* bad : {R"({})", R"({"embedding":[[1]]})", R"({"embedding":[[1],[1,2]]})",
                            R"({"embedding":[[],[]]})", R"({"embedding":["!","!"]})",
                            R"({"embedding":["AA==","AA=="]})", R"({"embedding":[1,2]})"}) {
        EXPECT_FALSE(read_embeddings(*parse_json_object(bad), 2)) << bad;
    }
    const auto failed =
        read_embeddings(*parse_json_object(R"({"text":"full","error_code":50002})"), 2);
    EXPECT_EQ(failed.error().message, "full");
}

TEST(FastchatWorker, LogProbabilitiesInTheCanonicalForm) {
    const auto given = parse_json_object(
        R"({"text_offset":[0,1],"tokens":["a","b"],"token_logprobs":[null,-0.5],
            "top_logprobs":[{},{"b":-0.5,"c":-2}]})");
    EXPECT_EQ(canonical_logprobs(*given),
              R"([{"token":"a","logprob":null,"top":[]},{"token":"b","logprob":-0.5,)"
              R"("top":[{"token":"b","logprob":-0.5},{"token":"c","logprob":-2}]}])");
    EXPECT_EQ(canonical_logprobs({}), "[]");
}

}  // namespace
}  // namespace headrace::upstreams

#include <gtest/gtest.h>

#include "protocols/fastchat/controller_routes.hpp"

namespace headrace::protocols::fastchat {
namespace {

Result<WorkerStatus> read(std::string_view text) {
    return read_status(*parse_json_object(text));
}

TEST(WorkerStatus, WhatAWorkerTells) {
    const auto status = read(R"({"model_names":["a","b/c","a"],"speed":2,"queue_length":3})");
    ASSERT_TRUE(status);
    EXPECT_EQ(status->models, (std::vector<std::string>{"a", "b/c"}));
    EXPECT_EQ(status->speed, 2);
    EXPECT_EQ(status->queue_length, 3);
    // A number that is none must not become a weight.
    EXPECT_EQ(read(R"({"model_names":["a"],"speed":-1})")->speed, 1);
    EXPECT_EQ(read(R"({"model_names":["a"],"speed":"fast"})")->speed, 1);
}

TEST(WorkerStatus, Refused) {
    for (const auto* text : {"{}", R"({"model_names":"a"})", R"({"model_names":[]})",
                             R"({"model_names":[1]})", R"({"model_names":[""]})"}) {
        EXPECT_FALSE(read(text)) << text;
    }
    json::array many;
    for (int i = 0; i < 300; ++i) many.emplace_back("m" + std::to_string(i));
    EXPECT_FALSE(read_status(json::object{{"model_names", many}}));
    EXPECT_FALSE(read_status(json::object{{"model_names", json::array{std::string(300, 'm')}}}));
}

}  // namespace
}  // namespace headrace::protocols::fastchat

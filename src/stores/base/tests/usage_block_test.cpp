#include "stores/base/usage_block.hpp"

#include <limits>

#include <gtest/gtest.h>

namespace headrace::stores {
namespace {

using jobs::UsageRecord;

UsageRecord record(std::uint8_t number, std::string caller, std::vector<jobs::Meter> meters) {
    UsageRecord out;
    out.job.bytes.back() = number;
    out.tenant = TenantId("acme");
    out.caller = std::move(caller);
    out.capability = "ocr";
    out.version = "1.0.0";
    out.state = jobs::JobState::failed;
    out.attempts = number;
    out.queued_ms = 10 + number;
    out.run_ms = 20;
    out.usage = {std::move(meters), 5, 6, 7U + number};
    out.finished_at = 1'700'000'000'000 + number;
    return out;
}

std::string encode(const std::vector<UsageRecord>& records) {
    std::vector<const UsageRecord*> pointers;
    for (const auto& each : records) pointers.push_back(&each);
    return encode_usage_block(pointers);
}

void expect_same(const UsageRecord& a, const UsageRecord& b) {
    EXPECT_EQ(a.job, b.job);
    EXPECT_EQ(a.tenant, b.tenant);
    EXPECT_EQ(a.caller, b.caller);
    EXPECT_EQ(a.capability, b.capability);
    EXPECT_EQ(a.version, b.version);
    EXPECT_EQ(a.state, b.state);
    EXPECT_EQ(a.attempts, b.attempts);
    EXPECT_EQ(a.queued_ms, b.queued_ms);
    EXPECT_EQ(a.run_ms, b.run_ms);
    EXPECT_EQ(a.finished_at, b.finished_at);
    EXPECT_EQ(a.usage.engine_us, b.usage.engine_us);
    EXPECT_EQ(a.usage.bytes_in, b.usage.bytes_in);
    EXPECT_EQ(a.usage.bytes_out, b.usage.bytes_out);
    ASSERT_EQ(a.usage.meters.size(), b.usage.meters.size());
    for (std::size_t i = 0; i < a.usage.meters.size(); ++i) {
        EXPECT_EQ(a.usage.meters[i].name, b.usage.meters[i].name);
        EXPECT_EQ(a.usage.meters[i].value, b.usage.meters[i].value);
    }
}

std::vector<UsageRecord> some() {
    std::vector<UsageRecord> out{
        record(1, "k1", {{"tokens", 7}, {"calls", 1}}),
        record(2, "k1", {{"tokens", 8}, {"calls", 1}}),
        record(3, "", {{"tokens", 9}}),
        record(4, "k2", {}),
        record(5, "k2", {{"seconds", 0.5}, {"calls", 1}, {"", -1}}),
        record(6, "k2", {{"calls", 1}, {"calls", 2}, {"pages", 3}, {"tokens", 4}}),
    };
    out[3].version.clear();
    out[4].finished_at = 0;
    out[5].finished_at = std::numeric_limits<WallMs>::min();
    out[5].queued_ms = std::numeric_limits<std::int64_t>::max();
    out[5].usage.bytes_in = std::numeric_limits<std::uint64_t>::max();
    return out;
}

TEST(UsageBlock, RecordsComeBackInOrder) {
    for (std::size_t count = 0; count <= some().size(); ++count) {
        auto records = some();
        records.resize(count);
        std::vector<UsageRecord> read;
        ASSERT_TRUE(decode_usage_block(encode(records), TenantId("acme"), read));
        ASSERT_EQ(read.size(), count);
        for (std::size_t i = 0; i < count; ++i) expect_same(records[i], read[i]);
    }
}

TEST(UsageBlock, WhatRepeatsIsNotSaidAgain) {
    const auto one = record(1, "a-caller-with-a-long-name", {{"a-long-name-of-a-meter", 1}});
    const auto alone = encode({one}).size();
    EXPECT_LT(encode({one, one}).size() - alone, alone - 40);
}

// A body that was cut anywhere must be refused, never half read; the checksum stands before this.
TEST(UsageBlock, ACutOneIsRefused) {
    const std::string body = encode(some());
    std::vector<UsageRecord> read;
    for (std::size_t size = 0; size < body.size(); ++size)
        EXPECT_FALSE(decode_usage_block(body.substr(0, size), TenantId("acme"), read)) << size;
    EXPECT_FALSE(decode_usage_block(body + "x", TenantId("acme"), read));
}

}  // namespace
}  // namespace headrace::stores

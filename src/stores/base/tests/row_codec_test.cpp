#include "stores/base/row_codec.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "stores/base/records.hpp"

namespace headrace::stores {
namespace {

TEST(RowCodec, RoundTripsTheEdges) {
    const std::uint64_t numbers[] = {
        0, 1, 127, 128, 16383, 16384, std::numeric_limits<std::uint64_t>::max()};
    const std::int64_t signed_numbers[] = {0,
                                           -1,
                                           1,
                                           -64,
                                           64,
                                           std::numeric_limits<std::int64_t>::min(),
                                           std::numeric_limits<std::int64_t>::max()};
    RowWriter out;
    for (const auto number : numbers) out.number(number);
    for (const auto number : signed_numbers) out.signed_number(number);
    out.real(-0.5);
    out.text("");
    out.text(std::string(300, 'x'));
    out.fixed("abc");
    const std::string bytes = out.take();
    RowReader in(bytes);
    for (const auto number : numbers) EXPECT_EQ(in.number(), number);
    for (const auto number : signed_numbers) EXPECT_EQ(in.signed_number(), number);
    EXPECT_EQ(in.real(), -0.5);
    EXPECT_EQ(in.text(), "");
    EXPECT_EQ(in.text(), std::string(300, 'x'));
    EXPECT_EQ(in.fixed(3), "abc");
    EXPECT_TRUE(in.complete());
    EXPECT_EQ(in.number(), 0U);
    EXPECT_FALSE(in.good());
}

TEST(RowCodec, ATextLongerThanItsRowIsBad) {
    RowReader in(
        std::string_view("\x05"
                         "ab",
                         3));
    EXPECT_EQ(in.text(), "");
    EXPECT_FALSE(in.good());
    RowReader huge(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    EXPECT_EQ(huge.text(), "");
    EXPECT_FALSE(huge.good());
}

TEST(RowCodec, SumsTellPartsApart) {
    EXPECT_NE(RowSum("t").add("ab").add("c").value(), RowSum("t").add("a").add("bc").value());
    EXPECT_NE(RowSum("t").add("a").value(), RowSum("u").add("a").value());
    EXPECT_NE(RowSum("t").add(std::int64_t{1}).value(), RowSum("t").add(std::int64_t{2}).value());
}

// A body that was cut anywhere must be refused, never half read; the checksum stands before this.
TEST(Records, ACutBodyIsRefused) {
    jobs::JobRecord job;
    job.traceparent = "trace";
    job.retry_of = JobId{};
    job.idempotency = jobs::Idempotency{"key", sha256("b")};
    job.error = jobs::JobError{"code", "message", "reason", true, 90};
    job.progress = {0.5, "half", "values"};
    job.attempts = {{1, "w", {1, 2}, 3, 4, "lost"}, {2, "w", {1, 3}, 5, 0, "running"}};
    job.usage.meters = {{"tokens", 3}};
    const std::string body = encode_job(job);
    jobs::JobRecord read;
    ASSERT_TRUE(decode_job(body, read));
    EXPECT_EQ(read.attempts.size(), 2U);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.error->retry_after_s, 90);
    for (std::size_t i = 0; i < body.size(); ++i) {
        jobs::JobRecord cut;
        EXPECT_FALSE(decode_job(std::string_view(body).substr(0, i), cut)) << i;
    }
    jobs::JobRecord longer;
    EXPECT_FALSE(decode_job(body + "x", longer));
}

TEST(Records, APayloadBelongsToItsJobAndPart) {
    jobs::Payload payload;
    payload.values = "values";
    payload.media = {{sha256("m"), 3}};
    const TenantId acme("acme");
    const JobId job;
    const std::string column = seal_payload("input", acme, job, payload);
    const auto opened = open_payload("input", acme, job, column);
    ASSERT_TRUE(opened);
    EXPECT_EQ((*opened)->values, "values");
    EXPECT_EQ((*opened)->media, payload.media);
    EXPECT_FALSE(open_payload("output", acme, job, column));
    EXPECT_FALSE(open_payload("input", TenantId("other"), job, column));
    EXPECT_FALSE(open_payload("input", acme, JobId(Uuid{{1}}), column));
    for (std::size_t i = 0; i < column.size(); ++i) {
        std::string changed = column;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_FALSE(open_payload("input", acme, job, changed)) << i;
        EXPECT_FALSE(open_payload("input", acme, job, column.substr(0, i))) << i;
    }
}

}  // namespace
}  // namespace headrace::stores

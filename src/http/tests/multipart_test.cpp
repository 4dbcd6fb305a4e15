#include "http/multipart.hpp"

#include <chrono>

#include <gtest/gtest.h>

namespace headrace::http {
namespace {

/// Gathers what a reader hands out as "name|filename|type=data;".
struct Gathered {
    std::string text;
    MultipartSink sink() {
        MultipartSink sink;
        sink.on_part = [this](const PartHead& part) {
            text += part.name + "|" + part.filename + "|" + part.content_type + "=";
            return Result<void>{};
        };
        sink.on_data = [this](std::string_view data) {
            text += data;
            return Result<void>{};
        };
        sink.on_part_end = [this] {
            text += ";";
            return Result<void>{};
        };
        return sink;
    }
};

constexpr const char* kType = "multipart/form-data; boundary=XX";

/// The gathered text, or "error: ..." at any step.
std::string parse(std::string_view body, std::size_t step = 1'000'000, const char* type = kType,
                  MultipartLimits limits = {}) {
    Gathered gathered;
    auto reader = MultipartReader::make(type, gathered.sink(), limits);
    if (!reader) return "error: " + reader.error().message;
    for (std::size_t i = 0; i < body.size(); i += step) {
        const auto fed = reader->feed(body.substr(i, step));
        if (!fed) return "error: " + fed.error().message;
    }
    const auto finished = reader->finish();
    return finished ? gathered.text : "error: " + finished.error().message;
}

std::string part(const std::string& head, const std::string& data) {
    return "--XX\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + data + "\r\n";
}

TEST(MultipartTest, SameInPiecesOfEverySize) {
    const auto body = "preamble\r\n" + part("name=a", "one") +
                      part("name=\"file\"; filename=\"C:\\dir\\x.png\"\r\nContent-Type: image/png",
                           "\r\n--X\r\n--\r\r\n-\n") +
                      part("name=empty", "") +
                      "--XX \t\r\nContent-Disposition: form-data; name=b"
                      "\r\n\r\n-XX--\r\n--XX--\r\nepilogue --XX";
    const auto expected = "a||=one;file|x.png|image/png=\r\n--X\r\n--\r\r\n-\n;empty||=;b||=-XX--;";
    for (std::size_t step = 1; step <= body.size(); ++step) {
        ASSERT_EQ(parse(body, step), expected) << step;
    }
    EXPECT_EQ(parse("--XX--"), "");
    EXPECT_EQ(parse(part("name=a", "1") + "--XX--", 3, "Multipart/Form-Data; boundary=\"XX\""),
              "a||=1;");
}

TEST(MultipartTest, APartMayEndRightBehindItsHead) {
    EXPECT_EQ(parse("--XX\r\nContent-Disposition: form-data; name=a\r\n\r\n--XX--"), "a||=;");
}

TEST(MultipartTest, RefusesWhatIsBroken) {
    for (const auto* type :
         {"text/plain", "multipart/form-data",
          "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a b \"",
          "multipart/form-data; boundary=a\x01", "multipart/mixed; boundary=XX"}) {
        EXPECT_TRUE(parse("--XX--", 9, type).starts_with("error")) << type;
    }
    const std::string long_type = "multipart/form-data; boundary=" + std::string(71, 'a');
    EXPECT_TRUE(parse("", 9, long_type.c_str()).starts_with("error"));
    for (const auto& body : {
             std::string(""),
             std::string("--XX"),
             std::string("--XX\r\n"),
             part("name=a", "unfinished"),
             std::string("--XXjunk\r\n"),
             std::string("--XX\r\n\r\ndata\r\n--XX--"),
             std::string("--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--"),
             std::string("--XX\r\nContent-Disposition: attachment; name=a\r\n\r\nx\r\n--XX--"),
             std::string("--XX\r\nno colon\r\n\r\nx\r\n--XX--"),
         }) {
        EXPECT_TRUE(parse(body).starts_with("error")) << body;
    }
}

TEST(MultipartTest, KeepsItsLimits) {
    EXPECT_TRUE(parse("--XX\r\nA: " + std::string(9000, 'x')).starts_with("error"));
    EXPECT_TRUE(parse("--XX" + std::string(300, ' ')).starts_with("error"));
    std::string many;
    for (int i = 0; i < 4; ++i) many += part("name=a", "");
    EXPECT_TRUE(parse(many + "--XX--", 99, kType, {8192, 3}).starts_with("error"));
    EXPECT_FALSE(parse(many + "--XX--", 99, kType, {8192, 4}).starts_with("error"));
}

TEST(MultipartTest, ErrorsOfTheSinkEndTheParse) {
    MultipartSink sink;
    sink.on_data = [](std::string_view) -> Result<void> {
        return fail(ErrorCode::too_large, "full");
    };
    auto reader = MultipartReader::make(kType, std::move(sink));
    EXPECT_EQ(reader->feed(part("name=a", "data") + "--XX--").error().message, "full");
}

/// Data made of near-boundaries costs time in proportion to its size.
TEST(MultipartTest, NearBoundariesAreNotQuadratic) {
    std::string data;
    while (data.size() < 4'000'000) data += "\r\n--X";
    const auto body = part("name=a", data) + "--XX--";
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(parse(body, 1000).size(), data.size() + 5);
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
}

}  // namespace
}  // namespace headrace::http

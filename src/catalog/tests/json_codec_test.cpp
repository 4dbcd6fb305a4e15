#include "catalog/json_codec.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "catalog/json_value.hpp"

namespace headrace::catalog {
namespace {

std::shared_ptr<const Validator> validator_of(std::string_view interface) {
    auto parsed = interface_from_json(interface);
    EXPECT_TRUE(parsed.has_value()) << (parsed ? "" : parsed.error().message);
    auto validator = Validator::compile(std::move(*parsed));
    EXPECT_TRUE(validator.has_value()) << (validator ? "" : validator.error().message);
    return *validator;
}

Result<Values> read(const Validator& validator, std::string_view text, ReadOptions options = {}) {
    return read_json(validator, *parse_json_object(text), options);
}

std::string first(const Result<Values>& values) {
    if (values) return "accepted";
    const auto& violation = values.error().violations.at(0);
    return violation.path + ' ' + violation.rule;
}

TEST(JsonCodec, EchoesAText) {
    const auto validator =
        validator_of(R"({"inputs":{"text":{"kind":"text"}},"outputs":{"text":{"kind":"text"}}})");
    const auto values = read(*validator, R"({"text":"tab\t \"quoted\" ä 字"})");
    ASSERT_TRUE(values.has_value());
    std::string out;
    write_json(out, *values);
    EXPECT_EQ(out, R"({"text":"tab\t \"quoted\" ä 字"})");
}

TEST(JsonCodec, ReadsMedia) {
    const auto validator = validator_of(
        R"({"inputs":{"image":{"kind":"image","max_bytes":6},"more":{"kind":"other","count":"0..2"}}})");
    auto values = read(*validator, R"({"image":"data:image/png;base64,QUJD"})");
    ASSERT_TRUE(values.has_value());
    const auto* media = values->find("image")->get<Media>();
    EXPECT_EQ(media->content_type, "image/png");
    EXPECT_EQ(media->size, 3U);
    EXPECT_EQ(std::get<InlineBytes>(media->source).bytes, "ABC");
    std::string out;
    write_json(out, *values);
    EXPECT_EQ(out, R"({"image":"data:image/png;base64,QUJD"})");

    EXPECT_EQ(first(read(*validator, R"({"image":"data:image/png;base64,QUJDREVGRw=="})")),
              "input.image max_bytes");
    EXPECT_EQ(first(read(*validator, R"({"image":"data:image/png;base64,*"})")),
              "input.image base64");
    EXPECT_EQ(first(read(*validator, R"({"image":"data:image/png,plain"})")),
              "input.image data_url");
    EXPECT_EQ(first(read(*validator, R"({"image":{"url":"ftp://x/y"}})")), "input.image url");
    EXPECT_EQ(first(read(*validator, R"({"image":{"url":5}})")), "input.image.url type:string");
    EXPECT_EQ(first(read(*validator, R"({"image":{"url":"http://x/","file_id":"y"}})")),
              "input.image type:media");
    EXPECT_EQ(first(read(*validator, R"({"image":{"file_id":"../../etc"}})")),
              "input.image file_id");
    EXPECT_EQ(first(read(*validator, R"({"image":7})")), "input.image type:media");
    EXPECT_EQ(
        first(read(*validator,
                   R"({"image":{"url":"HTTPS://x/a"},"more":["data:;base64,","data:a/b;base64,AA==",
                                         "data:;base64,"]})")),
        "input.more max_items");
    ReadOptions closed;
    closed.allow_url = false;
    EXPECT_EQ(first(read(*validator, R"({"image":{"url":"http://x/"}})", closed)),
              "input.image type:media");
    ReadOptions small;
    small.max_data_url_bytes = 2;
    EXPECT_EQ(first(read(*validator, R"({"image":"data:image/png;base64,QUJD"})", small)),
              "input.image max_bytes");
}

TEST(JsonCodec, LargeDataUrlsAreLeftToTheCaller) {
    const auto validator = validator_of(R"({"inputs":{"audio":{"kind":"audio"}}})");
    const std::string bytes(kInlineMediaBytes + 1, 'x');
    const auto values =
        read(*validator, R"({"audio":"data:audio/wav;base64,)" + to_base64(bytes) + "\"}");
    ASSERT_TRUE(values.has_value());
    EXPECT_EQ(values->find("audio")->get<Media>()->size, kInlineMediaBytes + 1);
}

TEST(JsonCodec, NullIsNotAbsent) {
    const auto validator =
        validator_of(R"({"parameters":{"a":{"kind":"integer","nullable":true,"default":3},
        "b":{"kind":"json"},"c":{"kind":"json","nullable":true},"d":{"kind":"string"},
        "e":{"kind":"float","list":true}}})");
    auto values = read(*validator, R"({"a":null,"b":null,"c":null})");
    ASSERT_TRUE(values.has_value());
    EXPECT_TRUE(values->find("a")->is_null());
    EXPECT_EQ(values->find("b")->get<Json>()->text, "null");
    EXPECT_TRUE(values->find("c")->is_null());
    EXPECT_EQ(first(read(*validator, R"({"d":null})")), "input.d type:string");
    EXPECT_EQ(first(read(*validator, R"({"e":null})")), "input.e type:list");
    EXPECT_EQ(*read(*validator, "{}")->find("a")->get<std::int64_t>(), 3);
}

TEST(JsonCodec, IntegersStayExact) {
    const auto validator = validator_of(R"({"parameters":{"n":{"kind":"integer"}}})");
    EXPECT_EQ(*read(*validator, R"({"n":9223372036854775807})")->find("n")->get<std::int64_t>(),
              std::numeric_limits<std::int64_t>::max());
    EXPECT_EQ(*read(*validator, R"({"n":-3.0})")->find("n")->get<std::int64_t>(), -3);
    EXPECT_EQ(first(read(*validator, R"({"n":9223372036854775808})")), "input.n type:integer");
    EXPECT_EQ(first(read(*validator, R"({"n":1e300})")), "input.n type:integer");
    EXPECT_EQ(first(read(*validator, R"({"n":true})")), "input.n type:integer");
}

TEST(JsonCodec, NeverShowsContent) {
    const auto validator = validator_of(R"({"inputs":{"text":{"kind":"text","max_length":3}}})");
    const auto values = read(*validator, R"({"text":"my-secret","pass word: hunter2":1})");
    ASSERT_FALSE(values.has_value());
    EXPECT_EQ(values.error().violations.at(1).path, "input.?");
    std::string all = values.error().message;
    for (const auto& v : values.error().violations) all += v.path + v.rule + v.limit;
    EXPECT_EQ(all.find("secret"), std::string::npos);
    EXPECT_EQ(all.find("hunter2"), std::string::npos);
}

TEST(JsonCodec, StopsAtTwentyViolations) {
    const auto validator =
        validator_of(R"({"parameters":{"list":{"kind":"integer","list":true}}})");
    std::string text = R"({"list":[)";
    for (int i = 0; i < 5000; ++i) text += "\"x\",";
    text += "1]}";
    const auto values = read(*validator, text);
    ASSERT_FALSE(values.has_value());
    EXPECT_EQ(values.error().violations.size(), Validator::kMaxViolations);
    EXPECT_EQ(values.error().violations.back().path, "input.list[19]");
}

TEST(JsonCodec, WritesEveryType) {
    Values values;
    values.set("n", Null{});
    values.set("i", std::int64_t{-5});
    values.set("f", 0.1);
    values.set("nan", std::numeric_limits<double>::quiet_NaN());
    values.set("t", Time{0});
    values.set("j", Json{"[1,2]"});
    values.set("l", Value::List{true, false});
    values.set("u", Media{"a/b", "", 4, FileSource{"id"}, {}});
    std::string out;
    write_json(out, values, [](std::string& to, const Media&) { to += "\"M\""; });
    EXPECT_EQ(out,
              R"({"n":null,"i":-5,"f":0.1,"nan":null,"t":"1970-01-01T00:00:00.000Z","j":[1,2],)"
              R"("l":[true,false],"u":"M"})");
    out.clear();
    write_json(out, *values.find("u"));
    EXPECT_EQ(out, R"({"file_id":"id","content_type":"a/b","size":4})");
}

TEST(TensorJson, EveryTypeComesBack) {
    const struct {
        const char* dtype;
        const char* data;
    } cases[] = {{"bool", "[true,false]"},
                 {"int8", "[-128,127]"},
                 {"int16", "[-32768,32767]"},
                 {"int32", "[-2147483648,2147483647]"},
                 {"int64", "[-9223372036854775808,9223372036854775807]"},
                 {"uint8", "[0,255]"},
                 {"uint16", "[0,65535]"},
                 {"uint32", "[0,4294967295]"},
                 {"uint64", "[0,18446744073709551615]"},
                 {"fp16", "[0.5,-65504]"},
                 {"bf16", "[0.5,-256]"},
                 {"fp32", "[0.1,3.4028235e+38]"},
                 {"fp64", "[0.1,1e+300]"},
                 {"bytes", R"(["a","ä"])"}};
    for (const auto& [dtype, data] : cases) {
        SCOPED_TRACE(dtype);
        const std::string text =
            std::string(R"({"shape":[2],"dtype":")") + dtype + R"(","data":)" + data + "}";
        Tensor tensor;
        Findings findings(9);
        ASSERT_TRUE(tensor_from_json(*parse_json(text), DType::fp32, tensor, PathNode{}, findings));
        EXPECT_TRUE(is_consistent(tensor));
        std::string out;
        tensor_to_json(out, tensor);
        EXPECT_EQ(out, text);
    }
}

TEST(TensorJson, RefusesWhatDoesNotFit) {
    const char* const cases[] = {R"({"shape":[1],"dtype":"int8","data":[128]})",
                                 R"({"shape":[1],"dtype":"uint8","data":[-1]})",
                                 R"({"shape":[1],"dtype":"int32","data":[1.5]})",
                                 R"({"shape":[1],"dtype":"fp32","data":[1e39]})",
                                 R"({"shape":[1],"dtype":"fp16","data":[70000]})",
                                 R"({"shape":[1],"dtype":"wide","data":[1]})",
                                 R"({"shape":[2,1],"data":[[1],[2],[3]]})",
                                 R"({"shape":[1],"data":[[1]]})",
                                 R"({"shape":[1]})",
                                 R"({"shape":1,"data":[1]})",
                                 R"({"shape":[1],"data":[1],"extra":1})",
                                 R"([1])"};
    for (const char* text : cases) {
        SCOPED_TRACE(text);
        Tensor tensor;
        Findings findings(9);
        EXPECT_FALSE(
            tensor_from_json(*parse_json(text), DType::fp32, tensor, PathNode{}, findings));
        EXPECT_TRUE(findings.any());
    }
}

TEST(Half, RoundsToNearestEven) {
    EXPECT_EQ(to_half(1.0F), 0x3C00);
    EXPECT_EQ(to_half(-2.0F), 0xC000);
    EXPECT_EQ(to_half(65504.0F), 0x7BFF);
    EXPECT_EQ(to_half(65520.0F), 0x7C00);
    EXPECT_EQ(to_half(5.9604645e-8F), 0x0001);
    EXPECT_EQ(to_half(2.9802322e-8F), 0x0000);   // half of the smallest: ties to even
    EXPECT_EQ(to_half(1.00048828125F), 0x3C00);  // a tie
    EXPECT_EQ(to_half(1.00146484375F), 0x3C02);  // a tie, up
    EXPECT_TRUE(std::isnan(from_half(to_half(std::nanf("")))));
    for (std::uint32_t bits = 0; bits < 0x7C00; ++bits) {
        ASSERT_EQ(to_half(from_half(static_cast<std::uint16_t>(bits))), bits);
    }
    EXPECT_EQ(to_bfloat(1.0F), 0x3F80);
    EXPECT_EQ(from_bfloat(0x3F80), 1.0F);
}

}  // namespace
}  // namespace headrace::catalog

#include "base/json.hpp"

#include <gtest/gtest.h>

namespace headrace {
namespace {

std::string rule_of(std::string_view text) {
    const auto result = parse_json(text);
    return result ? "accepted" : result.error().violations.at(0).rule;
}

TEST(Json, AcceptsOrdinaryText) {
    const auto value = parse_json(R"({"a":[1,2.5,"x",null,true],"b":{"a":1}})");
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(value->at("a").as_array().size(), 5U);
}

TEST(Json, NamesTheBrokenRule) {
    EXPECT_EQ(rule_of(R"({"a":1,"a":2})"), "duplicate_key");
    EXPECT_EQ(rule_of(R"([{"x":{"a":1,"b":2,"a":3}}])"), "duplicate_key");
    EXPECT_EQ(rule_of(R"([1,2,{"a":1,"a":2},3])"), "duplicate_key");
    EXPECT_EQ(rule_of("1e999"), "number_range");
    EXPECT_EQ(rule_of("-1e999"), "number_range");
    EXPECT_NE(rule_of(R"("\ud800")"), "accepted");
    EXPECT_EQ(rule_of(R"("\udc00")"), "surrogate");
    EXPECT_EQ(rule_of(R"("\ud800")"), "surrogate");
    EXPECT_EQ(rule_of(R"("\uDBFFx")"), "surrogate");
    EXPECT_EQ(rule_of(R"("\ud800\n")"), "surrogate");
    EXPECT_EQ(rule_of(R"("\ud7ff)"), "json");
    EXPECT_NE(rule_of(R"("\ud800A")"), "accepted");
    EXPECT_EQ(rule_of(std::string(10'000, '[')), "max_depth");
    EXPECT_EQ(rule_of("{} {}"), "json");
    EXPECT_EQ(rule_of("{"), "json");
    EXPECT_EQ(rule_of("nope"), "json");
    EXPECT_EQ(rule_of(""), "json");
    EXPECT_EQ(rule_of("\"\xff\""), "json");
    EXPECT_EQ(rule_of("NaN"), "json");
}

TEST(Json, DepthLimitIsExact) {
    const auto nest = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
    EXPECT_TRUE(parse_json(nest(64)).has_value());
    EXPECT_FALSE(parse_json(nest(65)).has_value());
}

TEST(Json, ObjectIsRequiredWhereSaid) {
    EXPECT_FALSE(parse_json_object("[]").has_value());
    EXPECT_TRUE(parse_json_object("{}").has_value());
}

TEST(Json, CanonicalTextIgnoresKeyOrder) {
    EXPECT_EQ(canonical_json(*parse_json(R"({"b":[{"y":1,"x":2}],"a":null})")),
              canonical_json(*parse_json(R"({ "a" : null, "b":[{"x":2,"y":1}] })")));
}

TEST(Json, StringWriterEscapes) {
    std::string out;
    append_json_string(out, std::string_view("a\"\\\n\x01\0é", 8));
    EXPECT_EQ(parse_json(out)->as_string(), std::string_view("a\"\\\n\x01\0é", 8));
}

TEST(Json, WritesDoublesAsPeopleDo) {
    const auto value = parse_json(R"({"b":0.5,"a":[1,-2.25,1e300,true,null,"x\"y"]})");
    ASSERT_TRUE(value.has_value());
    std::string out;
    append_json(out, *value);
    EXPECT_EQ(out, R"({"b":0.5,"a":[1,-2.25,1e+300,true,null,"x\"y"]})");
    EXPECT_EQ(canonical_json(*value), R"({"a":[1,-2.25,1e+300,true,null,"x\"y"],"b":0.5})");
}

TEST(Json, ReadsDoublesAsTheNearest) {
    const std::string long_one = "2" + std::string(49, '2') + "0";
    for (const std::string text :
         {long_one.c_str(), "222222222222222222222222222222222222222222222222220.5", "1e23",
          "-1E+23", "9007199254740993.0", "0.1234567890123456789", "5e-324", "1e-400", "0.3",
          "123456789012.3456", "1.7976931348623157e308", "2.5", "-0.7"}) {
        const auto value = parse_json(text);
        ASSERT_TRUE(value) << text;
        const double wanted = std::strtod(text.c_str(), nullptr);
        EXPECT_EQ(value->to_number<double>(), wanted) << text;
        std::string out;
        append_json(out, json::value(wanted));
        const auto again = parse_json(out);
        ASSERT_TRUE(again) << out;
        EXPECT_EQ(again->to_number<double>(), wanted) << out;
    }
    EXPECT_FALSE(parse_json("1e400"));
}

TEST(Json, KnowsUtf8) {
    EXPECT_TRUE(is_utf8("plain, ä, 字, \xF0\x9F\x98\x80"));
    EXPECT_FALSE(is_utf8("\xC0\x80"));          // overlong
    EXPECT_FALSE(is_utf8("\xE0\x80\x80"));      // overlong
    EXPECT_FALSE(is_utf8("\xED\xA0\x80"));      // surrogate
    EXPECT_FALSE(is_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
    EXPECT_FALSE(is_utf8("cut \xE5\xAD"));
    EXPECT_FALSE(is_utf8("\x80"));
}

}  // namespace
}  // namespace headrace

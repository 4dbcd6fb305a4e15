#include "base/json_scan.hpp"

#include <random>

#include <gtest/gtest.h>

namespace headrace {
namespace {

std::string rule_of(std::string_view text, std::size_t max_depth = 64) {
    const auto members = JsonMembers::scan(text, JsonLimits{max_depth});
    return members ? "accepted" : members.error().violations.at(0).rule;
}

TEST(JsonScan, GivesMembersInPlace) {
    const std::string_view text =
        R"( {"model" : "a\"b", "n":-1.5e+3 ,"list":[1,{"x":[]}],"on":true,"no":null,"o":{}} )";
    const auto members = JsonMembers::scan(text);
    ASSERT_TRUE(members.has_value());
    ASSERT_EQ(members->all().size(), 6U);
    const JsonMember* model = members->find("model");
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->kind, JsonKind::string);
    EXPECT_EQ(model->value, R"("a\"b")");
    EXPECT_EQ(text.substr(model->begin, model->end - model->begin), R"("model" : "a\"b")");
    EXPECT_EQ(json_text(model->value), "a\"b");
    EXPECT_EQ(members->find("n")->value, "-1.5e+3");
    EXPECT_EQ(members->find("list")->value, R"([1,{"x":[]}])");
    EXPECT_EQ(members->find("on")->kind, JsonKind::boolean);
    EXPECT_EQ(members->find("no")->kind, JsonKind::null);
    EXPECT_EQ(members->find("o")->kind, JsonKind::object);
    EXPECT_EQ(members->find("x"), nullptr);
    EXPECT_EQ(text[members->inside() - 1], '{');
}

TEST(JsonScan, SteppingOverSoundTextGivesTheSame) {
    const std::string_view text =
        R"( {"model" : "a\"}", "n":-1.5e+3 ,"list":[1,{"x":["]",{}]}],"on":true,"no":null,"o":{}} )";
    const auto members = JsonMembers::scan(text);
    const auto stepped = JsonMembers::scan_sound(text);
    ASSERT_TRUE(members && stepped);
    ASSERT_EQ(members->all().size(), stepped->all().size());
    for (std::size_t i = 0; i < members->all().size(); ++i) {
        const auto& one = members->all()[i];
        const auto& other = stepped->all()[i];
        EXPECT_EQ(one.key, other.key);
        EXPECT_EQ(one.value, other.value);
        EXPECT_EQ(one.kind, other.kind);
        EXPECT_EQ(one.begin, other.begin);
        EXPECT_EQ(one.end, other.end);
    }
    for (const char* none : {"[1]", "", "{", R"({"a":1,"a":2})", R"({"a":1} x)", R"({"a":[})",
                             R"({"a":})", R"({"a":"x)"}) {
        EXPECT_FALSE(JsonMembers::scan_sound(none)) << none;
    }
}

TEST(JsonScan, AKeyMayNotHideBehindAnEscape) {
    const auto members = JsonMembers::scan(R"({"mod\u0065l":"x"})");
    ASSERT_TRUE(members.has_value());
    EXPECT_NE(members->find("model"), nullptr);
    EXPECT_EQ(rule_of(R"({"model":"a","mod\u0065l":"b"})"), "duplicate_key");
    std::string many = "{";
    for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":1,";
    EXPECT_EQ(rule_of(many + R"("\u006b0":2})"), "duplicate_key");
    EXPECT_EQ(rule_of(many + R"("k100":2})"), "accepted");
}

TEST(JsonScan, RefusesWhatIsNoObject) {
    EXPECT_EQ(rule_of("[1]"), "type:object");
    EXPECT_EQ(rule_of("1"), "type:object");
    for (const char* text : {"",
                             "{",
                             "}",
                             "{\"a\"}",
                             "{\"a\":}",
                             "{\"a\":1,}",
                             "{,}",
                             "{\"a\":1]",
                             "{\"a\":1}}",
                             "{\"a\":01}",
                             "{\"a\":1.}",
                             "{\"a\":tru}",
                             "{'a':1}",
                             "{\"a\":\"\x01\"}",
                             "{\"a\":\"\\x\"}",
                             "{\"a\":+1}",
                             "{\"a\":[1,]}",
                             "{\"a\":\"\xff\"}",
                             "{\"a\":1}x",
                             "{\"a\":--1}",
                             "{a:1}"}) {
        EXPECT_EQ(rule_of(text), "json") << text;
    }
    EXPECT_EQ(rule_of(R"({"a":"\ud800"})"), "surrogate");
    EXPECT_EQ(rule_of(R"({"a":"\udc00"})"), "surrogate");
    EXPECT_EQ(rule_of(R"({"a":"\ud83d\ude00"})"), "accepted");
}

TEST(JsonScan, DepthIsBoundedWithoutRecursion) {
    const auto nested = [](std::size_t levels) {
        return "{\"a\":" + std::string(levels, '[') + std::string(levels, ']') + "}";
    };
    EXPECT_EQ(rule_of(nested(7), 8), "accepted");
    EXPECT_EQ(rule_of(nested(8), 8), "max_depth");
    EXPECT_EQ(rule_of("{\"a\":" + std::string(1'000'000, '[')), "max_depth");
}

/// Small texts made of the pieces that grammars are made of: our scanner and the parser must agree
/// on every one of them, but for what the header says they differ in.
TEST(JsonScan, AgreesWithTheParser) {
    constexpr std::string_view kPieces[] = {"{",
                                            "}",
                                            "[",
                                            "]",
                                            ",",
                                            ":",
                                            "\"",
                                            "\\",
                                            "\"a\"",
                                            "\"b\"",
                                            "1",
                                            "0",
                                            "-",
                                            ".5",
                                            "e1",
                                            "E-2",
                                            "true",
                                            "false",
                                            "null",
                                            " ",
                                            "\n",
                                            "\\u0041",
                                            "\\ud83d\\ude00",
                                            "\\ud800",
                                            "\\n",
                                            "\\q",
                                            "x",
                                            "\xC3\xA9",
                                            "\xC3",
                                            "\x01",
                                            "\"k\":",
                                            "{\"a\":1}",
                                            "[1,2]"};
    std::mt19937 random(42);
    int accepted = 0;
    int plain = 0;
    for (int round = 0; round < 300'000; ++round) {
        std::string text;
        const auto pieces = random() % 9 + 1;
        for (std::size_t i = 0; i < pieces; ++i) text += kPieces[random() % std::size(kPieces)];
        const auto tree = parse_json(text);
        const bool duplicate = !tree && tree.error().violations.at(0).rule == "duplicate_key";
        if (is_plain_json(text)) {
            ASSERT_TRUE(tree.has_value()) << text;
            ++plain;
        }
        if (JsonMembers::scan_plain(text)) {
            ASSERT_TRUE(tree && tree->is_object()) << text;
        }
        if (duplicate) continue;
        ASSERT_EQ(is_json(text), tree.has_value()) << text;
        const auto members = JsonMembers::scan(text);
        ASSERT_EQ(members.has_value(), tree && tree->is_object()) << text;
        if (!members) continue;
        ++accepted;
        ASSERT_EQ(members->all().size(), tree->as_object().size());
        for (const auto& member : members->all()) {
            const auto value = parse_json(member.value);
            ASSERT_TRUE(value.has_value());
            ASSERT_EQ(*value, tree->as_object().at(member.key)) << text;
        }
    }
    EXPECT_GT(accepted, 300);
    EXPECT_GT(plain, 300);
}

TEST(JsonScan, PlainIsOnlyWhatTheParserIsSureToTake) {
    const auto plain = [](std::string_view text) {
        EXPECT_EQ(is_plain_json(text), JsonMembers::scan_plain(text).has_value()) << text;
        return is_plain_json(text);
    };
    EXPECT_TRUE(
        plain(R"({"a":[{"r":"x","c":1},{"r":"y","c":{"r":0.25,"c":-7}}],"r":{},"c":null})"));
    EXPECT_TRUE(plain(R"({"a":{"b":{"c":1},"d":{"c":1}},"b":[[{"c":1}],{"c":[{"c":2}]}]})"));
    EXPECT_FALSE(plain(R"({"a":{"b":1,"b":2}})"));
    EXPECT_FALSE(plain(R"({"a":[{"b":{"x":1},"c":[{"b":0}],"b":2}]})"));
    EXPECT_FALSE(plain(R"({"a":{"b":1,"\u0062":2}})"));
    EXPECT_FALSE(plain(R"({"a":1e400})"));
    EXPECT_FALSE(plain("{\"a\":" + std::string(400, '9') + "}"));
    EXPECT_FALSE(plain(R"({"a":1)"));
    std::string many = R"({"a":{)";
    for (int i = 0; i < 100; ++i) many += "\"k" + std::to_string(i) + "\":1,";
    EXPECT_FALSE(plain(many + R"("k0":1}})"));
}

TEST(JsonScan, AWatcherHearsEveryKeyWithItsDepth) {
    class Keys final : public JsonWatcher {
      public:
        void key(std::size_t depth, std::string_view raw, std::string_view rest) override {
            all += std::to_string(depth) + std::string(raw) + (rest.empty() ? '-' : rest.front()) +
                   ' ';
        }
        std::string all;
    };
    Keys keys;
    EXPECT_TRUE(is_json(R"( {"a": [ {"b" : "x"} , 1 ], "c\n":{ "d":{}},"e":null} )", keys));
    EXPECT_EQ(keys.all, "1a[ 3b\" 1c\\n{ 2d{ 1en ");
    Keys broken;
    EXPECT_FALSE(is_json(R"({"a":1,"b")", broken));
    EXPECT_FALSE(is_json(R"({"a":)", broken));
}

TEST(JsonScan, Arrays) {
    const auto items = scan_json_array(R"( [1, "a" ,{"b":[2]},[] ] )");
    ASSERT_TRUE(items.has_value());
    EXPECT_EQ(*items, (std::vector<std::string_view>{"1", "\"a\"", "{\"b\":[2]}", "[]"}));
    EXPECT_TRUE(scan_json_array("[]")->empty());
    EXPECT_FALSE(scan_json_array("[1,]").has_value());
    EXPECT_FALSE(scan_json_array("{}").has_value());
    EXPECT_FALSE(scan_json_array("[1] 2").has_value());
}

TEST(JsonScan, Scalars) {
    EXPECT_EQ(json_text(R"("a\u00e9\ud83d\ude00\n\/")"), "a\xC3\xA9\xF0\x9F\x98\x80\n/");
    EXPECT_EQ(json_text("1"), std::nullopt);
    EXPECT_EQ(json_text("\"\\\""), std::nullopt);
    EXPECT_EQ(json_text(R"("\ud800")"), std::nullopt);
    EXPECT_EQ(json_count("42"), 42U);
    EXPECT_EQ(json_count("-1"), std::nullopt);
    EXPECT_EQ(json_count("1.0"), std::nullopt);
    EXPECT_EQ(json_count("9223372036854775807"), 9223372036854775807ULL);
    EXPECT_EQ(json_count("9223372036854775808"), std::nullopt);
}

}  // namespace
}  // namespace headrace

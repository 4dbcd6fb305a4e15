#include "catalog/validator.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "catalog/profile.hpp"
#include "catalog/rules.hpp"
#include "catalog/schema_rule.hpp"

namespace headrace::catalog {
namespace {

std::string wrong_with(std::string_view interface) {
    auto parsed = interface_from_json(interface);
    auto compiled =
        parsed ? Validator::compile(std::move(*parsed)) : tl::unexpected(parsed.error());
    if (compiled) return "accepted";
    std::string all;
    for (const auto& v : compiled.error().violations) {
        all += (all.empty() ? "" : "; ") + v.path + ' ' + v.rule;
    }
    return all;
}

TEST(Profile, AChatMayServeEmbeddingsToo) {
    const auto both = [](std::string_view text) {
        auto interface = interface_from_json(text);
        EXPECT_TRUE(interface) << text;
        return std::pair(serves(*interface, Profile::chat), serves(*interface, Profile::embed));
    };
    using Both = std::pair<bool, bool>;
    constexpr std::string_view kChat =
        R"({"profile":"chat","parameters":{"messages":{"kind":"json"}},)";
    const std::string chat(kChat);
    EXPECT_EQ(both(chat + R"("outputs":{"text":{"kind":"text"}}})"), Both(true, false));
    const std::string matrix =
        R"("outputs":{"text":{"kind":"text"},"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1]}}})";
    EXPECT_EQ(both(chat + R"("inputs":{"text":{"kind":"text","count":"0..n"}},)" + matrix),
              Both(true, true));
    EXPECT_EQ(both(chat + R"("inputs":{"text":{"kind":"text"}},)" + matrix), Both(true, false))
        << "one text is no list of them";
    EXPECT_EQ(both(chat + matrix), Both(true, false)) << "it gives them, and takes no text";
    EXPECT_EQ(both(R"({"profile":"embed","inputs":{"text":{"kind":"text","count":"1..n"}},)"
                   R"("outputs":{"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1]}}})"),
              Both(false, true));
    EXPECT_EQ(both("{}"), Both(false, false));
}

TEST(Interface, RefusesWhatContradictsItself) {
    EXPECT_EQ(wrong_with("{}"), "accepted");
    EXPECT_EQ(wrong_with(R"({"inptus":{}})"), "inptus unknown_field");
    EXPECT_EQ(wrong_with(R"({"mode":"twice"})"), "mode values");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{}}})"), "inputs.a.kind required");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"picture"}}})"), "inputs.a.kind values");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"integer"}}})"), "inputs.a.kind segment");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"text"}}})"), "parameters.a.kind parameter");
    EXPECT_EQ(
        wrong_with(R"({"inputs":{"a":{"kind":"text"}},"parameters":{"a":{"kind":"string"}}})"),
        "parameters.a name_taken; parameters.a duplicate_field");
    EXPECT_EQ(wrong_with(R"({"inputs":{"1a":{"kind":"text"}}})"), "inputs.? field_name");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"text","max_pixels":5}}})"),
              "inputs.a.max_pixels unknown_field");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"text","count":"4..2"}}})"),
              "inputs.a.count count");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"tensor"}}})"),
              "inputs.a.dtype required; inputs.a.shape required");
    EXPECT_EQ(wrong_with(R"({"inputs":{"a":{"kind":"text","stream":"append"}}})"),
              "inputs.a.stream unknown_field");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"enum"}}})"),
              "parameters.a.values required");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"integer","min":5,"max":4}}})"),
              "parameters.a min_above_max");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"integer","min":5,"default":4}}})"),
              "parameters.a.default min");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"integer","default":"4"}}})"),
              "parameters.a.default type:integer");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"enum","values":["x"],"default":"y"}}})"),
              "parameters.a.default values");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"string","pattern":"("}}})"),
              "parameters.a.pattern pattern");
    EXPECT_EQ(wrong_with(R"({"parameters":{"a":{"kind":"json","schema":{"$ref":"#"}}}})"),
              "parameters.a.schema.? unsupported_keyword");
    EXPECT_EQ(wrong_with(R"({"profile":"speak","inputs":{"text":{"kind":"audio"}}})"),
              "inputs.text profile:kind; outputs.audio profile:required");
}

TEST(Interface, CanonicalTextDoesNotDependOnHowItWasWritten) {
    const auto a = interface_from_json(
        R"({"mode":"once","parameters":{"b":{"kind":"integer","required":false},"a":{"kind":"string"}},
        "inputs":{"x":{"kind":"text","required":true,"count":1},"y":{"kind":"image","count":"0..1"}}})");
    const auto b = interface_from_json(
        R"({"inputs":{"y":{"required":false,"kind":"image"},"x":{"kind":"text"}},
        "parameters":{"a":{"kind":"string"},"b":{"kind":"integer"}}})");
    ASSERT_TRUE(a && b);
    EXPECT_EQ(interface_to_json(*a), interface_to_json(*b));
    EXPECT_EQ(digest_of(*a), digest_of(*b));
    const auto c = interface_from_json(R"({"inputs":{"y":{"kind":"image"},"x":{"kind":"text"}}})");
    EXPECT_NE(digest_of(*a), digest_of(*c));
}

std::shared_ptr<const Validator> validator_of(std::string_view interface) {
    return *Validator::compile(*interface_from_json(interface));
}

std::string first(const Result<void>& checked) {
    if (checked) return "accepted";
    const auto& violation = checked.error().violations.at(0);
    return violation.path + ' ' + violation.rule;
}

TEST(Validator, HoldsEnginesToTheirOutputs) {
    const auto validator =
        validator_of(R"({"outputs":{"text":{"kind":"text"},"score":{"kind":"float","max":1},
        "lines":{"kind":"json","conditional":true,"schema":{"type":"array"}},"more":{"kind":"image","count":"0..n","conditional":true}}})");
    Values values;
    values.set("text", "x");
    values.set("score", std::int64_t{1});
    values.set("lines", Json{"[]"});
    EXPECT_TRUE(validator->check(Side::output, values));
    EXPECT_TRUE(values.find("score")->get<double>());  // an integer given for a float
    values.set("lines", Json{"{}"});
    EXPECT_EQ(first(validator->check(Side::output, values)), "output.lines type:array");
    values.set("lines", Json{"[1,"});  // would break the answer it is put into
    EXPECT_EQ(first(validator->check(Side::output, values)), "output.lines type:json");
    values.set("lines", std::string("[]"));
    EXPECT_EQ(first(validator->check(Side::output, values)), "output.lines type:json");
    values.set("lines", Json{"[]"});
    values.set("score", std::numeric_limits<double>::infinity());
    EXPECT_EQ(first(validator->check(Side::output, values)), "output.score finite");
    Values step;
    step.set("more", Value::List{});
    EXPECT_TRUE(validator->check(Side::output, step, Completeness::step));
    EXPECT_EQ(first(validator->check(Side::output, step)), "output.score required");
    step.fields.push_back(step.fields[0]);
    EXPECT_EQ(first(validator->check(Side::output, step, Completeness::step)),
              "output.more duplicate_field");
}

TEST(Validator, KnowsMediaBetterTheSecondTime) {
    const auto validator = validator_of(
        R"({"inputs":{"a":{"kind":"audio","content_types":["audio/wav","audio/mp*"],"max_bytes":10}}})");
    Values values;
    values.set("a", Media{"", "", 0, UrlSource{"https://example.test/a"}, {}});
    EXPECT_TRUE(validator->check(Side::input, values));
    values.set("a", Media{"Audio/WAV; codecs=1", "", 10, BlobSource{}, {}});
    EXPECT_TRUE(validator->check(Side::input, values));
    values.set("a", Media{"video/mp4", "", 11, BlobSource{}, {}});
    const auto checked = validator->check(Side::input, values);
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().violations.size(), 2U);
}

TEST(Numbers, CompareExactly) {
    const Number big = std::int64_t{9'007'199'254'740'993};  // 2^53 + 1
    EXPECT_GT(compare(big, Number(9007199254740992.0)), 0);
    EXPECT_LT(compare(Number(9007199254740992.0), big), 0);
    EXPECT_LT(compare(std::numeric_limits<std::int64_t>::max(), Number(9223372036854775808.0)), 0);
    EXPECT_GT(compare(std::int64_t{-3}, Number(-3.5)), 0);
    EXPECT_EQ(compare(std::int64_t{3}, Number(3.0)), 0);
    EXPECT_TRUE(is_multiple(0.3, 0.1));
    EXPECT_FALSE(is_multiple(0.35, 0.1));
    EXPECT_TRUE(is_multiple(std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}));
    EXPECT_FALSE(is_multiple(std::int64_t{7}, std::int64_t{2}));
}

std::string held(std::string_view schema, std::string_view value) {
    Findings findings(20);
    const SchemaRule rule(*parse_json(schema), PathNode{nullptr, "s", -1}, findings);
    if (findings.any()) return "bad schema";
    rule.check(*parse_json(value), PathNode{nullptr, "v", -1}, findings);
    if (!findings.any()) return "accepted";
    const auto error = std::move(findings).error("it");
    return error.violations.at(0).path + ' ' + error.violations.at(0).rule;
}

TEST(Schema, HoldsItsKeywords) {
    EXPECT_EQ(held("true", "1"), "accepted");
    EXPECT_EQ(held("false", "1"), "v not_allowed");
    EXPECT_EQ(held(R"({"type":"integer"})", "1.0"), "accepted");
    EXPECT_EQ(held(R"({"type":"integer"})", "1.5"), "v type:integer");
    EXPECT_EQ(held(R"({"type":["string","null"]})", "1"), "v type:string|null");
    EXPECT_EQ(held(R"({"const":1})", "1.0"), "accepted");
    EXPECT_EQ(held(R"({"enum":[{"a":1}]})", R"({"a":2})"), "v values");
    EXPECT_EQ(
        held(R"({"properties":{"a":{"minimum":3}},"additionalProperties":false})", R"({"b":1})"),
        "v.b unknown_field");
    EXPECT_EQ(held(R"({"additionalProperties":{"type":"string"}})", R"({"b":1})"),
              "v.b type:string");
    EXPECT_EQ(held(R"({"required":["x"],"minProperties":1})", "{}"), "v min_properties");
    EXPECT_EQ(held(R"({"required":["x"]})", R"({"y":1})"), "v.x required");
    EXPECT_EQ(
        held(R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})", R"(["a",1,"b"])"),
        "v[2] type:integer");
    EXPECT_EQ(held(R"({"uniqueItems":true})", R"([{"a":1,"b":2},{"b":2,"a":1}])"),
              "v unique_items");
    EXPECT_EQ(held(R"({"maxItems":1})", "[1,2]"), "v max_items");
    EXPECT_EQ(held(R"({"maxLength":2})", R"("äöü")"), "v max_length");
    EXPECT_EQ(held(R"({"maxLength":3})", R"("äöü")"), "accepted");
    EXPECT_EQ(held(R"({"multipleOf":0.01})", "19.99"), "accepted");
    EXPECT_EQ(held(R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "1"), "v any_of");
    EXPECT_EQ(held(R"({"oneOf":[{"minimum":1},{"maximum":5}]})", "3"), "v one_of");
    EXPECT_EQ(held(R"({"allOf":[{"minimum":1},{"maximum":5}]})", "6"), "v max");
    EXPECT_EQ(held(R"({"if":{}})", "1"), "bad schema");
    EXPECT_EQ(held(R"({"type":"float"})", "1"), "bad schema");
    EXPECT_EQ(held(R"({"minLength":-1})", "1"), "bad schema");
}

TEST(Schema, IsBounded) {
    std::string deep;
    for (int i = 0; i < 20; ++i) deep += R"({"items":)";
    deep += "{}" + std::string(20, '}');
    EXPECT_EQ(held(deep, "1"), "bad schema");
    std::string wide = R"({"anyOf":[)";
    for (int i = 0; i < 2'001; ++i) wide += "{},";
    wide += "{}]}";
    EXPECT_EQ(held(wide, "1"), "bad schema");
}

}  // namespace
}  // namespace headrace::catalog

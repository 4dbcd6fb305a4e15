#include "schema_grammar.hpp"

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

/// The rules made for the schema, without those that every grammar has.
std::string rules_of(std::string_view schema) {
    const auto grammar = grammar_of_schema(schema);
    if (!grammar) return "error: " + grammar.error().message;
    return grammar->substr(0, grammar->find("string ::="));
}

TEST(SchemaGrammar, PlainTypes) {
    EXPECT_EQ(rules_of(R"({"type":"string"})"), "root ::= string\n");
    EXPECT_EQ(rules_of(R"({"type":["integer","null"]})"), "root ::= (integer | null)\n");
    EXPECT_EQ(rules_of("{}"), "root ::= value\n");
    EXPECT_EQ(rules_of("true"), "root ::= value\n");
    EXPECT_EQ(rules_of(R"({"type":"object"})"), "root ::= object\n");
}

TEST(SchemaGrammar, EnumAndConstAreTheirJson) {
    EXPECT_EQ(rules_of(R"({"enum":["a\"b",1,null]})"),
              "root ::= (\"\\\"a\\\\\\\"b\\\"\" | \"1\" | \"null\")\n");
    EXPECT_EQ(rules_of(R"({"const":"x"})"), "root ::= \"\\\"x\\\"\"\n");
}

TEST(SchemaGrammar, ObjectsKeepTheirOrderAndWhatIsRequired) {
    EXPECT_EQ(rules_of(R"({"type":"object","properties":{"a":{"type":"string"},)"
                       R"("b":{"type":"integer"}},"required":["a","b"]})"),
              "root ::= r5\n"
              "r1 ::= \",\" \" \"? \"\\\"b\\\":\" \" \"? integer\n"
              "r2 ::= \"\\\"b\\\":\" \" \"? integer\n"
              "r3 ::= \",\" \" \"? \"\\\"a\\\":\" \" \"? string r1\n"
              "r4 ::= \"\\\"a\\\":\" \" \"? string r1\n"
              "r5 ::= \"{\" r4 \"}\"\n");
    // Nothing is required: the braces may stand alone, and a comma never leads.
    const auto loose = rules_of(R"({"properties":{"a":{"type":"null"}}})");
    EXPECT_NE(loose.find("\"{\" r3? \"}\""), std::string::npos) << loose;
}

TEST(SchemaGrammar, ArraysKeepTheirBounds) {
    EXPECT_EQ(rules_of(R"({"type":"array","items":{"type":"integer"}})"),
              "root ::= r1\nr1 ::= \"[\" (integer (\",\" \" \"? integer)*)? \"]\"\n");
    EXPECT_EQ(rules_of(R"({"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3})"),
              "root ::= r1\nr1 ::= \"[\" integer (\",\" \" \"? integer){1,2} \"]\"\n");
    EXPECT_EQ(rules_of(R"({"type":"array","items":{"type":"integer"},"maxItems":1})"),
              "root ::= r1\nr1 ::= \"[\" (integer)? \"]\"\n");
    EXPECT_EQ(rules_of(R"({"type":"array","maxItems":0})"), "root ::= \"[]\"\n");
}

TEST(SchemaGrammar, TextsKeepTheirLength) {
    EXPECT_EQ(rules_of(R"({"type":"string","minLength":1,"maxLength":9})"),
              "root ::= r1\nr1 ::= \"\\\"\" char{1,9} \"\\\"\"\n");
}

TEST(SchemaGrammar, SaysWhereItCannotFollow) {
    const auto prefix = std::string("error: response_format.schema");
    EXPECT_EQ(rules_of(R"({"type":"string","pattern":"x"})"),
              prefix + ".pattern is not supported in a response format");
    EXPECT_EQ(rules_of(R"({"properties":{"a":{"minimum":1}}})"),
              prefix + ".properties.a.minimum is not supported in a response format");
    EXPECT_EQ(rules_of(R"({"properties":{},"additionalProperties":true})"),
              prefix +
                  ".additionalProperties is not supported in a response format, except as "
                  "false");
    EXPECT_EQ(rules_of(R"({"properties":{},"required":["a"]})"),
              prefix + ".required names a, which `properties` lacks");
    EXPECT_EQ(rules_of(R"({"type":"array","minItems":3,"maxItems":2})"),
              prefix + ".maxItems is below minItems");
    EXPECT_EQ(rules_of(R"({"type":"text"})"), prefix + ".type text is no type of JSON");
    EXPECT_EQ(rules_of("[]"), prefix + " is no schema");
    std::string deep = "{}";
    for (int i = 0; i < 20; ++i) deep = R"({"type":"array","items":)" + deep + '}';
    EXPECT_NE(rules_of(deep).find("is more than 16 deep"), std::string::npos);
}

TEST(SchemaGrammar, ManyMembersStayLinear) {
    std::string properties;
    for (int i = 0; i < 200; ++i)
        properties += (i > 0 ? ",\"m" : "\"m") + std::to_string(i) + "\":{\"type\":\"string\"}";
    const auto grammar = grammar_of_schema("{\"properties\":{" + properties + "}}");
    ASSERT_TRUE(grammar);
    EXPECT_LT(grammar->size(), 60'000U);
}

}  // namespace
}  // namespace headrace::llama

#include "protocols/native/body.hpp"

#include <gtest/gtest.h>

namespace headrace::protocols::native {
namespace {

json::object object_of(std::string_view text) {
    return parse_json_object(text).value();
}

/// "path rule limit" of each violation.
std::vector<std::string> faults(const Result<void>& result) {
    std::vector<std::string> out;
    if (result) return out;
    for (const auto& fault : result.error().violations) {
        out.push_back(fault.path + ' ' + fault.rule +
                      (fault.limit.empty() ? "" : ' ' + fault.limit));
    }
    return out;
}

using Faults = std::vector<std::string>;

TEST(FieldReader, ReadsWhatIsThere) {
    const auto object = object_of(
        R"({"t":"ä","i":7,"s":1.5,"b":true,"at":"2026-01-02T03:04:05Z","o":{},"l":["a","b"]})");
    FieldReader fields(object);
    EXPECT_EQ(fields.text("t", 1), "ä");  // one code point, two bytes
    EXPECT_EQ(fields.integer("i", 0, 9), 7);
    EXPECT_EQ(fields.seconds("s", 10), 1500);
    EXPECT_EQ(fields.boolean("b"), true);
    EXPECT_EQ(to_rfc3339(fields.time("at").value()), "2026-01-02T03:04:05.000Z");
    EXPECT_NE(fields.object("o"), nullptr);
    EXPECT_EQ(fields.texts("l", 2, 1), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(fields.finish("x"));
}

TEST(FieldReader, AbsentFieldsAreNoFault) {
    const json::object object;
    FieldReader fields(object);
    EXPECT_FALSE(fields.text("t", 1));
    EXPECT_FALSE(fields.integer("i", 0, 9));
    EXPECT_FALSE(fields.seconds("s", 10));
    EXPECT_EQ(fields.object("o"), nullptr);
    EXPECT_TRUE(fields.finish("x"));
}

TEST(FieldReader, NamesEveryFaultAtOnce) {
    const auto object = object_of(
        R"({"t":"long","i":10,"j":1.5,"k":18446744073709551615,"s":0,"u":"1","l":["a",1],"z":1})");
    FieldReader fields(object, "body");
    fields.require("needed");
    fields.text("t", 3);
    fields.integer("i", 0, 9);
    fields.integer("j", 0, 9);
    fields.integer("k", 0, 9);
    fields.seconds("s", 10);
    fields.seconds("u", 10);
    fields.texts("l", 5, 5);
    EXPECT_EQ(faults(fields.finish("wrong")),
              (Faults{"body.needed required", "body.t max_length 3", "body.i max 9",
                      "body.j type:integer", "body.k max 9", "body.s exclusive_min 0",
                      "body.u type:number", "body.l[1] type:string", "body.z unknown_field"}));
}

TEST(FieldReader, DoesNotRepeatNamesThatAreContent) {
    const auto object = object_of(R"({"<b>secret":1,"plain":2})");
    FieldReader fields(object);
    EXPECT_EQ(faults(fields.finish("wrong")), (Faults{"? unknown_field", "plain unknown_field"}));
}

TEST(FieldReader, StopsGatheringInTime) {
    json::object object;
    for (int i = 0; i < 1000; ++i) object["f" + std::to_string(i)] = i;
    FieldReader fields(object);
    EXPECT_LE(faults(fields.finish("wrong")).size(), 20U);
}

TEST(FieldReader, SecondsAreRoundedButNeverToNothing) {
    const auto object = object_of(R"({"a":0.0000001,"b":2.0004,"c":1e300})");
    FieldReader fields(object);
    EXPECT_EQ(fields.seconds("a", 10), 1);
    EXPECT_EQ(fields.seconds("b", 10), 2000);
    EXPECT_FALSE(fields.seconds("c", 10));
}

}  // namespace
}  // namespace headrace::protocols::native

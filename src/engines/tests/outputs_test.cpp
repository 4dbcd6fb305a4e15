#include "engines/host/outputs.hpp"

#include <gtest/gtest.h>

namespace headrace::engines::host {
namespace {

using catalog::Value;
using catalog::Values;

catalog::Interface interface() {
    auto made = catalog::interface_from_json(
        R"({"outputs":{"grow":{"kind":"text","stream":"append"},)"
        R"("now":{"kind":"text","stream":"replace"},)"
        R"("rows":{"kind":"json","stream":"append"},)"
        R"("many":{"kind":"text","count":"0..n"},"plain":{"kind":"text"}}})");
    EXPECT_TRUE(made);
    return made ? *made : catalog::Interface{};
}

std::string text_in(const Values& values, std::string_view name) {
    const Value* value = values.find(name);
    return value != nullptr && value->get<std::string>() != nullptr ? *value->get<std::string>()
                                                                    : "none";
}

TEST(Outputs, WithoutStepsTheTotalIsWhatWasSet) {
    const auto model = interface();
    Outputs outputs(model, true);
    outputs.add(*outputs.spec("plain"), std::string("x"));
    EXPECT_EQ(text_in(outputs.take_total(), "plain"), "x");
    EXPECT_EQ(outputs.spec("nothing"), nullptr);
}

TEST(Outputs, StepsAppendOrReplace) {
    const auto model = interface();
    Outputs outputs(model, true);
    for (const char* part : {"a", "b"}) {
        outputs.add(*outputs.spec("grow"), std::string(part));
        outputs.add(*outputs.spec("now"), std::string(part));
        EXPECT_EQ(text_in(outputs.take_step(), "grow"), part);
    }
    outputs.add(*outputs.spec("grow"), std::string("c"));
    const auto total = outputs.take_total();
    EXPECT_EQ(text_in(total, "grow"), "abc");
    EXPECT_EQ(text_in(total, "now"), "b");
}

TEST(Outputs, JsonArraysGrow) {
    const auto model = interface();
    Outputs outputs(model, true);
    for (const char* part : {"[]", "[1,[2]] ", "[ ]", "[\"]\"]"}) {
        outputs.add(*outputs.spec("rows"), catalog::Json{part});
        outputs.take_step();
    }
    const auto total = outputs.take_total();
    ASSERT_NE(total.find("rows")->get<catalog::Json>(), nullptr);
    EXPECT_EQ(total.find("rows")->get<catalog::Json>()->text, "[1,[2],\"]\"]");
}

TEST(Outputs, FurtherValuesMakeAList) {
    const auto model = interface();
    Outputs outputs(model, true);
    outputs.add(*outputs.spec("many"), std::string("one"));
    outputs.add(*outputs.spec("many"), std::string("two"));
    const auto total = outputs.take_total();
    ASSERT_NE(total.find("many"), nullptr);
    EXPECT_EQ(total.find("many")->get<Value::List>()->size(), 2U);
}

TEST(Outputs, ASessionKeepsNothingOfItsSteps) {
    const auto model = interface();
    Outputs outputs(model, false);
    outputs.add(*outputs.spec("grow"), std::string("a"));
    outputs.take_step();
    EXPECT_TRUE(outputs.take_total().fields.empty());
}

}  // namespace
}  // namespace headrace::engines::host

#include "main/commands/usage_view.hpp"

#include <gtest/gtest.h>

namespace headrace::main {
namespace {

const json::value kSummary = json::parse(R"({"rows":[
{"day":"2026-11-23","key":"k1","key_name":"=cmd,\"x\"","jobs":2,"succeeded":1,"run_s":1.5,
 "engine_s":0.25,"bytes_in":100,"bytes_out":900,
 "meters":{"prompt_tokens":30,"completion_tokens":10}},
{"day":"2026-11-24","key":"k2","key_name":"caf\u00e9","jobs":1,"succeeded":1,"run_s":0.5,
 "engine_s":0,"bytes_in":1,"bytes_out":2,
 "meters":{"prompt_tokens":15,"completion_tokens":5}}],"records":3,"complete":true})");
const json::value kEmpty = json::parse(R"({"rows":[],"records":0,"complete":true})");

TEST(UsageView, TableEndsWithTheSum) {
    const auto text = usage_table(kSummary);
    EXPECT_NE(text.find("2026-11-23"), std::string::npos);
    const auto last = text.substr(text.rfind('\n', text.size() - 2) + 1);
    EXPECT_TRUE(last.starts_with("all")) << text;
    for (const char* value : {" 3", " 2", "45", "15", "2.0 s", "1.0 kB"}) {
        EXPECT_NE(last.find(value), std::string::npos) << value << " in " << last;
    }
    EXPECT_EQ(usage_table(kEmpty), "no usage in this time\n");
}

TEST(UsageView, CsvIsQuotedAndHoldsNoFormula) {
    EXPECT_EQ(usage_csv(kSummary),
              "day,key,key_name,jobs,succeeded,prompt_tokens,completion_tokens,cached_tokens,run_s,"
              "engine_s,bytes_in,bytes_out\r\n"
              "2026-11-23,k1,\"'=cmd,\"\"x\"\"\",2,1,30,10,0,1.500,0.250,100,900\r\n"
              "2026-11-24,k2,caf\u00e9,1,1,15,5,0,0.500,0,1,2\r\n");
}

TEST(UsageView, PlotFitsTheTerminal) {
    const auto text = usage_plot(kSummary, 60);
    EXPECT_TRUE(text.starts_with("tokens\n")) << text;
    const auto bars = [&text](std::size_t line) {
        std::size_t at = 0;
        for (std::size_t i = 0; i < line; ++i) at = text.find('\n', at) + 1;
        const auto end = text.find('\n', at);
        std::size_t count = 0;
        for (auto i = text.find("\u2588", at); i < end; i = text.find("\u2588", i + 1)) ++count;
        return count;
    };
    EXPECT_GT(bars(1), 20U);
    EXPECT_LE(bars(1), 60U);
    // Half the tokens, half the bar; an eighth may round up to a whole cell.
    EXPECT_NEAR(static_cast<double>(bars(2)), static_cast<double>(bars(1)) / 2, 1);
    EXPECT_EQ(usage_plot(kEmpty, 60), "no usage in this time\n");
}

}  // namespace
}  // namespace headrace::main

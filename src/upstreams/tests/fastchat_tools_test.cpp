#include "upstreams/fastchat_tools.hpp"

#include <gtest/gtest.h>

#include "upstreams/fastchat_chat.hpp"
#include "upstreams/fastchat_template.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::string_view kTool =
    R"([{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}])";

json::value value(std::string_view text) {
    return *parse_json(text);
}

struct Split {
    std::string text;
    std::vector<ToolCallReader::Call> calls;
};

Split split(std::string_view answer, std::size_t size) {
    ToolCallReader reader;
    Split out;
    for (std::size_t at = 0; at < answer.size(); at += size)
        out.text += reader.push(answer.substr(at, size));
    out.text += reader.finish();
    out.calls = reader.calls();
    return out;
}

TEST(ToolCalls, FoundWhateverThePieces) {
    constexpr std::string_view kAnswer =
        "Let me see.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"in\": \"Rome\"}}\n"
        "</tool_call>\n<tool_call>{\"name\":\"time\",\"arguments\":\"{}\"}</tool_call>\n";
    for (std::size_t size = 1; size <= kAnswer.size(); ++size) {
        const auto found = split(kAnswer, size);
        EXPECT_EQ(found.text, "Let me see.") << size;
        ASSERT_EQ(found.calls.size(), 2U) << size;
        EXPECT_EQ(found.calls[0].name, "weather");
        EXPECT_EQ(found.calls[0].arguments, "{\"in\":\"Rome\"}");
        EXPECT_EQ(found.calls[1].name, "time");
        EXPECT_EQ(found.calls[1].arguments, "{}");
    }
}

TEST(ToolCalls, TextThatIsNoCallStaysText) {
    for (const std::string_view text :
         {"plain", "a <tool b", "a <tool_call", " \n", "<tool_call>not json</tool_call> b",
          "<tool_call>{\"arguments\":{}}</tool_call>", "<tool_call>{\"name\":", "x  <",
          "a \n<tool_call>\n{\"name\"", "a\t<tool_call></tool_call>"}) {
        for (const std::size_t size : {1U, 3U, 64U}) {
            const auto found = split(text, size);
            EXPECT_EQ(found.text, text);
            EXPECT_TRUE(found.calls.empty());
        }
    }
}

TEST(ToolCalls, AStopTokenMayCutTheEndTagOff) {
    const auto found = split("<tool_call>{\"name\":\"f\",\"arguments\":{}}\n", 5);
    EXPECT_EQ(found.text, "");
    ASSERT_EQ(found.calls.size(), 1U);
}

TEST(ToolCalls, AnAnswerThatMustCallGoesOnFromThePrompt) {
    const auto tools = value(kTool);
    const auto choice = value(R"({"type":"function","function":{"name":"weather"}})");
    const auto request = read_tools(&tools, &choice);
    ASSERT_TRUE(request);
    ToolCallReader reader;
    EXPECT_EQ(reader.push(hermes_start(*request)), "");
    EXPECT_EQ(reader.push("{\"in\": \"Rome\"}}\n</tool_call>"), "");
    EXPECT_EQ(reader.finish(), "");
    ASSERT_EQ(reader.calls().size(), 1U);
    EXPECT_EQ(reader.calls()[0].name, "weather");
    EXPECT_EQ(reader.calls()[0].arguments, "{\"in\":\"Rome\"}");
}

TEST(ToolCalls, RequestsAreChecked) {
    const auto tools = value(kTool);
    const auto refused = [&](std::string_view list, std::string_view choice) {
        const auto a = value(list);
        const auto b = value(choice);
        return !read_tools(&a, &b).has_value();
    };
    EXPECT_TRUE(refused("{}", "null"));
    EXPECT_TRUE(refused("[{}]", "null"));
    EXPECT_TRUE(refused(kTool, "\"always\""));
    EXPECT_TRUE(refused(kTool, R"({"function":{"name":"other"}})"));
    const auto none = value("\"none\"");
    EXPECT_FALSE(read_tools(&tools, &none)->active());
    EXPECT_FALSE(read_tools(nullptr, nullptr)->active());
    const auto required = value("\"required\"");
    EXPECT_TRUE(read_tools(&tools, &required)->must_call);
}

TEST(ToolCalls, TheModelsOwnFormDecides) {
    auto form = *known_prompt_template("qwen-7b-chat");
    EXPECT_EQ(tool_form_of(form, "anything", ""), ToolForm::hermes);
    EXPECT_EQ(tool_form_of(form, "anything", "none"), ToolForm::none);
    form.name = "own";
    EXPECT_EQ(tool_form_of(form, "Qwen/Qwen2.5-7B", ""), ToolForm::hermes);
    EXPECT_EQ(tool_form_of(form, "yi", ""), ToolForm::none);
    EXPECT_EQ(tool_form_of(form, "yi", "hermes"), ToolForm::hermes);
    EXPECT_EQ(tool_form_of(*known_prompt_template("vicuna_v1.1"), "qwen", "hermes"),
              ToolForm::none);
}

TEST(ToolCalls, AWholeConversationInTheModelsForm) {
    auto form = *known_prompt_template("qwen-7b-chat");
    ToolRequest tools;
    tools.tools = value(kTool).as_array();
    const auto messages = value(R"([{"role":"user","content":"weather?"},
        {"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
          "function":{"name":"weather","arguments":"{\"in\":\"Rome\"}"}},
          {"id":"2","type":"function","function":{"name":"weather","arguments":"{}"}}]},
        {"role":"tool","tool_call_id":"1","content":"sun"},
        {"role":"tool","tool_call_id":"2","content":"rain"}])");
    const auto built = build_chat_prompt(form, messages.as_array(), tools, ToolForm::hermes);
    ASSERT_TRUE(built);
    const auto& prompt = built->prompt;
    EXPECT_NE(prompt.find("<tools>\n{\"type\": \"function\", \"function\": {\"name\": \"weather\", "
                          "\"parameters\": {\"type\": \"object\"}}}\n</tools>"),
              std::string::npos);
    EXPECT_TRUE(prompt.ends_with(
        "<|im_start|>user\nweather?<|im_end|>\n"
        "<|im_start|>assistant\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"in\": "
        "\"Rome\"}}\n"
        "</tool_call>\n<tool_call>\n{\"name\": \"weather\", \"arguments\": "
        "{}}\n</tool_call><|im_end|>\n"
        "<|im_start|>user\n<tool_response>\nsun\n</tool_response>\n<tool_response>\nrain\n"
        "</tool_response><|im_end|>\n<|im_start|>assistant\n"))
        << prompt;
    EXPECT_FALSE(build_chat_prompt(form, messages.as_array(), tools, ToolForm::none));
}

}  // namespace
}  // namespace headrace::upstreams

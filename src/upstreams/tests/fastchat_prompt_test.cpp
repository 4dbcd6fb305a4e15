#include "upstreams/fastchat_prompt.hpp"

#include <gtest/gtest.h>

#include "upstreams/fastchat_chat.hpp"
#include "upstreams/fastchat_template.hpp"

namespace headrace::upstreams {
namespace {

// What the released package renders is compared with the package itself in tests/fastchat; here is
// what it cannot say: the styles of newer sources, numbers, and hostile templates.

PromptTemplate form_of(PromptStyle style) {
    PromptTemplate form;
    form.style = style;
    form.numbering = Numbering::head;
    form.roles = {"user", "model"};
    form.sep = "|";
    form.sep2 = "#";
    return form;
}

std::string render(const PromptTemplate& form, std::vector<PromptTurn> turns) {
    auto prompt = render_prompt(form, turns);
    return prompt ? *prompt : "error: " + prompt.error().message;
}

const std::vector<PromptTurn> kTurns = {{"user", " hi\u3000", 0, false},
                                        {"model", "ho", 0, false},
                                        {"user", "go", 0, false},
                                        {"model", "", 0, false}};

TEST(FastchatPrompt, Llama3StripsAsPythonDoes) {
    auto form = form_of(PromptStyle::llama3);
    form.system_message = "be";
    form.system_template =
        "<|start_header_id|>system<|end_header_id|>\n\n{system_message}<|eot_id|>";
    EXPECT_EQ(render(form, kTurns),
              "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nbe<|eot_id|>"
              "<|start_header_id|>user<|end_header_id|>\n\nhi<|eot_id|>"
              "<|start_header_id|>model<|end_header_id|>\n\nho<|eot_id|>"
              "<|start_header_id|>user<|end_header_id|>\n\ngo<|eot_id|>"
              "<|start_header_id|>model<|end_header_id|>\n\n");
    form.system_message.clear();
    EXPECT_TRUE(render(form, kTurns).starts_with("<|begin_of_text|><|start_header_id|>user"));
}

TEST(FastchatPrompt, GemmaHasNoSystemText) {
    auto form = form_of(PromptStyle::gemma);
    form.system_message = "unseen";
    EXPECT_EQ(render(form, {{"user", "a", 0, false}, {"model", "", 0, false}}),
              "<bos><start_of_turn>user\na|<start_of_turn>model\n");
}

TEST(FastchatPrompt, CllmSeesTheLastTwoTurns) {
    auto form = form_of(PromptStyle::cllm);
    form.system_message = "S";
    EXPECT_EQ(render(form, kTurns), "S|user: go|model:");
}

TEST(FastchatPrompt, DefaultOfHead) {
    auto form = form_of(PromptStyle::plain);
    form.system_message = "S";
    EXPECT_EQ(render(form, {{"user", "a", 2, true}, {"model", "", 0, false}}),
              "S\nuser: a\nmodel:");
}

TEST(FastchatPrompt, ImagesAreMarkedWhereTheSourceDoes) {
    auto form = form_of(PromptStyle::chatml);
    EXPECT_EQ(render(form, {{"user", "x", 2, true}}), "user\n$$<image>$$$$<image>$$x|\n");
    form.numbering = Numbering::released;
    EXPECT_EQ(render(form, {{"user", "x", 2, true}}), "user\nx|\n");
}

TEST(FastchatPrompt, NumbersOfBothReleases) {
    EXPECT_EQ(prompt_style_of(8, Numbering::released), PromptStyle::chatglm);
    EXPECT_EQ(prompt_style_of(8, Numbering::head), PromptStyle::llama3);
    EXPECT_EQ(prompt_style_of(19, Numbering::released), PromptStyle::yuan2);
    EXPECT_EQ(prompt_style_of(20, Numbering::head), PromptStyle::yuan2);
    EXPECT_EQ(prompt_style_of(20, Numbering::released), std::nullopt);
    EXPECT_EQ(prompt_style_of(23, Numbering::head), PromptStyle::plain);
    for (const std::int64_t number : {-1LL, 0LL, 24LL, 1LL << 40}) {
        EXPECT_EQ(prompt_style_of(number, Numbering::head), std::nullopt) << number;
        EXPECT_EQ(prompt_style_of(number, Numbering::released), std::nullopt) << number;
    }
    for (int i = 1; i <= kLastStyle; ++i) {
        const auto style = static_cast<PromptStyle>(i);
        EXPECT_EQ(prompt_style_from(to_string(style)), style);
        for (const auto numbering : {Numbering::released, Numbering::head}) {
            const auto number = number_of(style, numbering);
            if (!number) continue;
            EXPECT_EQ(prompt_style_of(*number, numbering), style);
        }
    }
}

json::object conv(std::string_view text) {
    return *parse_json_object(text);
}

TEST(FastchatTemplate, NumberingIsToldByKeysThenByName) {
    EXPECT_EQ(numbering_of(conv(R"({"sep_style":9,"system_message_vision":""})")), Numbering::head);
    EXPECT_EQ(numbering_of(conv(R"({"sep_style":9,"max_image_size_mb":null})")), Numbering::head);
    // chatml is 9 in the release and 10 since.
    EXPECT_EQ(numbering_of(conv(R"({"name":"qwen-7b-chat","sep_style":9})")), Numbering::released);
    EXPECT_EQ(numbering_of(conv(R"({"name":"qwen-7b-chat","sep_style":10})")), Numbering::head);
    EXPECT_EQ(numbering_of(conv(R"({"name":"my own","sep_style":9})")), Numbering::released);
    EXPECT_EQ(numbering_of(conv(R"({"name":"my own","sep_style":21})")), Numbering::head);
    const auto said = read_prompt_template(conv(R"({"sep_style":9})"), Numbering::head);
    ASSERT_TRUE(said);
    EXPECT_EQ(said->style, PromptStyle::chatglm);
}

TEST(FastchatTemplate, BrokenOnesAreTheWorkersFault) {
    for (const auto* text :
         {R"({})", R"({"sep_style":"9"})", R"({"sep_style":0})", R"({"sep_style":1,"roles":["A"]})",
          R"({"sep_style":1,"roles":[1,2]})", R"({"sep_style":1,"sep":3})",
          R"({"sep_style":1,"messages":[["A"]]})", R"({"sep_style":1,"stop_str":7})",
          R"({"sep_style":1,"stop_token_ids":["x"]})", R"({"sep_style":1.5})"}) {
        const auto read = read_prompt_template(conv(text));
        ASSERT_FALSE(read) << text;
        EXPECT_EQ(read.error().code, ErrorCode::engine_failed) << text;
    }
    auto form = form_of(PromptStyle::chatml);
    for (const auto* text :
         {"{", "}", "{system}", "{system_message", "{0}", "{system_message!r}"}) {
        form.system_template = text;
        EXPECT_FALSE(render_prompt(form, kTurns)) << text;
    }
    form.system_template = "{{{system_message}}}";
    form.system_message = "{x}";
    EXPECT_EQ(render(form, {}), "{{x}}|\n");
}

TEST(FastchatTemplate, TableHoldsTheReleasedTemplates) {
    const auto* vicuna = known_prompt_template("vicuna_v1.1");
    ASSERT_NE(vicuna, nullptr);
    EXPECT_EQ(vicuna->style, PromptStyle::add_colon_two);
    EXPECT_EQ(known_prompt_template("no such"), nullptr);
}

Result<ChatPrompt> chat(std::string_view messages) {
    auto form = form_of(PromptStyle::add_colon_single);
    form.system_message = "own";
    form.messages = {{"user", "few", 0, false}};
    return build_chat_prompt(form, parse_json(messages)->as_array(), {}, ToolForm::none);
}

TEST(FastchatChat, LastSystemMessageReplacesTheTemplatesOwn) {
    EXPECT_EQ(chat(R"([{"role":"user","content":"a"}])")->prompt, "own|user: few|user: a|model:");
    EXPECT_EQ(chat(R"([{"role":"system","content":"x"},{"role":"user","content":"a"},
                       {"role":"developer","content":[{"type":"text","text":"y"},
                                                      {"type":"text","text":"z"}]}])")
                  ->prompt,
              "y\nz|user: few|user: a|model:");
}

TEST(FastchatChat, PartsAndImages) {
    const auto built = chat(R"([{"role":"user","content":[{"type":"text","text":"a"},
        {"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}},
        {"type":"image_url","image_url":"https://x/y.png"},{"type":"text","text":"b"}]}])");
    ASSERT_TRUE(built);
    EXPECT_EQ(built->prompt,
              "own|user: few|user: $$<image>$$$$<image>$$<image>\n<image>\na\nb|model:");
    EXPECT_EQ(built->images,
              (std::vector<std::string>{"data:image/png;base64,AA==", "https://x/y.png"}));
}

TEST(FastchatChat, WhatAWorkerCannotTakeIsRefusedWithItsPlace) {
    const std::pair<const char*, const char*> kCases[] = {
        {R"([{"role":"owner","content":"a"}])", "messages[0].role"},
        {R"([{"content":"a"}])", "messages[0].role"},
        {R"([7])", "messages[0]"},
        {R"([{"role":"user","content":7}])", "messages[0].content"},
        {R"([{"role":"user","content":[{"type":"input_audio"}]}])", "messages[0].content.type"},
        {R"([{"role":"user","content":[{"type":"image_url"}]}])",
         "messages[0].content.image_url.url"},
        {R"([{"role":"user","content":"a"},{"role":"tool","content":"b"}])", "messages[1].role"},
        {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}])",
         "messages[0].tool_calls"},
    };
    for (const auto& [messages, path] : kCases) {
        const auto built = chat(messages);
        ASSERT_FALSE(built) << messages;
        EXPECT_EQ(built.error().code, ErrorCode::invalid_argument) << messages;
        ASSERT_EQ(built.error().violations.size(), 1U) << messages;
        EXPECT_EQ(built.error().violations[0].path, path);
    }
    EXPECT_FALSE(chat("[]"));
}

}  // namespace
}  // namespace headrace::upstreams

#include "chat_template.hpp"

#include <gtest/gtest.h>

#include "template_syntax.hpp"

namespace headrace::llama {
namespace {

std::string rendered(std::string_view text,
                     const std::vector<Message>& messages = {{"user", "hi"}}) {
    const auto made = ChatTemplate::parse(text, {"<s>", "</s>"});
    if (!made) return "not parsed: " + made.error().message;
    const auto out = made->render(messages);
    return out ? *out : "error: " + out.error().message;
}

constexpr std::string_view kDefaultSystem =
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe kind.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

TEST(ChatTemplate, MarksTurnsAndAddsTheModelsOwnSystemText) {
    EXPECT_EQ(rendered(kDefaultSystem),
              "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
              "<|im_start|>assistant\n");
    EXPECT_EQ(rendered(kDefaultSystem,
                       {{"system", "S"}, {"user", "a"}, {"assistant", "b"}, {"user", "c"}}),
              "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\na<|im_end|>\n"
              "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
              "<|im_start|>assistant\n");
}

TEST(ChatTemplate, FoldsTheSystemTextAndChecksRoles) {
    constexpr std::string_view kFolding = R"({{ bos_token }}
{%- if messages[0].role == 'system' -%}
    {%- set first = messages[0]['content'] | trim + '\n\n' -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set first = '' -%}
    {%- set rest = messages -%}
{%- endif -%}
{%- for m in rest -%}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception('roles must alternate') }}
    {%- endif -%}
    {%- if m.role == 'user' -%}
        {{ '[INST] ' ~ (first if loop.first else '') ~ m.content.strip() ~ ' [/INST]' }}
    {%- else -%}
        {{ ' ' + m.content + eos_token }}
    {%- endif -%}
{%- endfor -%})";
    EXPECT_EQ(
        rendered(kFolding, {{"system", " S "}, {"user", " a "}, {"assistant", "b"}, {"user", "c"}}),
        "<s>[INST] S\n\na [/INST] b</s>[INST] c [/INST]");
    EXPECT_EQ(rendered(kFolding, {{"user", "a"}, {"user", "b"}}),
              "error: messages: the model's chat template says: roles must alternate");
}

TEST(ChatTemplate, TreatsBlanksAsTransformersDoes) {
    EXPECT_EQ(rendered("a\n  {% if true %}\nb\n  {% endif %}\nc"), "a\nb\nc");
    EXPECT_EQ(rendered("a  {{ 'x' }}\nb"), "a  x\nb");
    EXPECT_EQ(rendered("a  {{- 'x' -}}  \n b"), "axb");
    EXPECT_EQ(rendered("a{# {{ not this }} #}b"), "ab");
}

TEST(ChatTemplate, NamespacesOutliveLoops) {
    EXPECT_EQ(rendered("{% set ns = namespace(found=false, count=0) %}"
                       "{% for m in messages %}{% if m.role == 'user' %}"
                       "{% set ns.found = true %}{% set ns.count = ns.count + 1 %}{% endif %}"
                       "{% set lost = 1 %}{% endfor %}"
                       "{{ ns.found }} {{ ns.count }} {{ lost is defined }}",
                       {{"user", "a"}, {"assistant", "b"}, {"user", "c"}}),
              "True 2 False");
}

TEST(ChatTemplate, Expressions) {
    EXPECT_EQ(rendered("{{ 2 + 3 * 4 - 1 }} {{ 7 // 2 }} {{ -7 % 3 }}"), "13 3 2");
    EXPECT_EQ(rendered("{{ 'b' in ['a','b'] and 'x' not in 'abc' }}"), "True");
    EXPECT_EQ(rendered("{{ not false or false }} {{ none is none }} {{ 'a' is string }}"),
              "True True True");
    EXPECT_EQ(rendered("{{ 'A,b'.split(',')[-1] | upper }} {{ ['a','b'] | join('-') }}"), "B a-b");
    EXPECT_EQ(rendered("{{ messages | length }} {{ messages[5] }}{{ missing.x }}."), "1 .");
    EXPECT_EQ(rendered("{{ missing | default('d') }} {{ 'abc'[1:] }} {{ 'abc'.replace('b','') }}"),
              "d bc ac");
    EXPECT_EQ(rendered("{% for k, v in {'a'} %}{% endfor %}").substr(0, 10), "not parsed");
    EXPECT_EQ(rendered("{% for x in [1,2,3] if x != 2 %}{{ x }}{{ ';' if not loop.last }}{% else %}"
                       "none{% endfor %}"),
              "1;3");
}

TEST(ChatTemplate, SaysWhatItDoesNotUnderstand) {
    EXPECT_EQ(rendered("{% if x %}"), "not parsed: endif is missing");
    EXPECT_EQ(rendered("{% endfor %}"), "not parsed: endfor closes nothing");
    EXPECT_EQ(rendered("{{ 'x' "), "not parsed: a tag is not closed");
    EXPECT_EQ(rendered("{{ a b }}"), "not parsed: 'b' is not understood");
    EXPECT_EQ(rendered("{{ 'x' | rot13 }}"),
              "error: messages: the model's chat template says: `rot13` is not known");
    EXPECT_EQ(rendered("{{ 1 // 0 }}"),
              "error: messages: the model's chat template says: it divides by zero");
    EXPECT_EQ(rendered("{{ " + std::string(1'000, '(') + " }}"),
              "not parsed: it is nested too deep");
}

TEST(ChatTemplate, ATemplateCannotRunForEver) {
    EXPECT_EQ(rendered("{% for a in range(400000) %}{% for b in range(400000) %}"
                       "{% endfor %}{% endfor %}"),
              "error: messages: the model's chat template says: it computes too much");
}

}  // namespace
}  // namespace headrace::llama

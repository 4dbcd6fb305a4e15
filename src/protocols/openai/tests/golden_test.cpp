// Cases of tests/golden/openai: a request, the jobs it becomes, what they give, and the answer,
// whole and streamed. HEADRACE_UPDATE_GOLDEN=1 writes what is computed here into the files anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "catalog/engine_toml.hpp"
#include "catalog/json_codec.hpp"
#include "protocols/openai/chat_answer.hpp"
#include "protocols/openai/chat_request.hpp"
#include "protocols/openai/completion_answer.hpp"
#include "protocols/openai/completion_request.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

namespace fs = std::filesystem;
const fs::path kSource = HEADRACE_SOURCE_DIR;

/// Sections `== name` and what stands below them, in their order.
struct Case {
    std::vector<std::pair<std::string, std::string>> sections;

    static Case read(const fs::path& path) {
        std::ifstream file(path);
        Case result;
        for (std::string line; std::getline(file, line);) {
            if (line.starts_with("== ")) {
                result.sections.emplace_back(line.substr(3), "");
            } else if (!result.sections.empty()) {
                result.sections.back().second += line + '\n';
            }
        }
        return result;
    }
    [[nodiscard]] std::string get(const std::string& name) const {
        for (const auto& [key, text] : sections) {
            if (key == name) return text;
        }
        return {};
    }
    [[nodiscard]] std::vector<std::string> lines(const std::string& name) const {
        std::istringstream in(get(name));
        std::vector<std::string> all;
        for (std::string line; std::getline(in, line);) {
            if (!line.empty()) all.push_back(line);
        }
        return all;
    }
    [[nodiscard]] std::string text() const {
        std::string out;
        for (const auto& [key, body] : sections) out += "== " + key + '\n' + body;
        return out;
    }
};

std::shared_ptr<const catalog::Validator> validator_of(const std::string& folder) {
    const auto engines = catalog::load_engines(kSource / folder);
    return catalog::Validator::compile(engines.value().front().interface).value();
}

catalog::Values output_of(const catalog::Validator& validator, const std::string& line,
                          catalog::Completeness completeness) {
    catalog::ReadOptions options;
    options.side = catalog::Side::output;
    options.completeness = completeness;
    auto values = catalog::read_json(validator, parse_json_object(line).value(), options);
    return values ? *values : throw std::runtime_error(values.error().message);
}

/// What the dialect makes of a case.
struct Made {
    std::string jobs;
    std::string response;
    std::string stream;
    std::string error;
};

class Conversion {
  public:
    Conversion(const Case& given, std::shared_ptr<const catalog::Validator> validator)
        : given_(given), validator_(std::move(validator)) {
        facts_.created = 1'790'000'000;
        record_.usage.meters = {{"prompt_tokens", 5}, {"completion_tokens", 7}};
    }

    Made chat() {
        auto body = parse_json_object(given_.get("request")).value();
        const auto head = read_chat_head(body);
        if (!head) return refused(head.error());
        take(*head);
        facts_.id = "chatcmpl-1";
        const auto input = read_chat_input(std::move(body), *validator_, head->choices);
        if (!input) return refused(input.error());
        facts_.legacy_functions = input->legacy_functions;
        facts_.logprobs = input->logprobs;
        Made made;
        made.jobs = jobs_text(input->choices);
        const auto outputs = chat_outputs();
        if (outputs.empty()) return made;
        made.response = chat_completion(facts_, outputs, {5, 7, 0}) + '\n';
        const auto count = static_cast<std::uint32_t>(outputs.size());
        made.stream = streamed(*chat_chunks(facts_, count, false), count);
        return made;
    }
    Made completion() {
        auto body = parse_json_object(given_.get("request")).value();
        const auto head = read_chat_head(body);
        if (!head) return refused(head.error());
        take(*head);
        facts_.id = "cmpl-1";
        const auto input = read_completion_input(std::move(body), *validator_, head->choices);
        if (!input) return refused(input.error());
        facts_.logprobs = input->logprobs;
        Made made;
        made.jobs = jobs_text(input->runs);
        const auto outputs = chat_outputs();
        if (outputs.empty()) return made;
        made.response = text_completion(facts_, outputs, {5, 7, 0}) + '\n';
        const auto count = static_cast<std::uint32_t>(outputs.size());
        made.stream = streamed(*text_chunks(facts_, count, head->choices, false), count);
        return made;
    }

  private:
    void take(const ChatHead& head) {
        facts_.model = head.model;
        facts_.include_usage = head.include_usage;
    }
    static Made refused(const Error& error) {
        const int status = status_of(error.code);
        Made made;
        made.error = std::to_string(status) + ' ' + error_body(error, status) + '\n';
        return made;
    }
    static std::string jobs_text(const std::vector<catalog::Values>& inputs) {
        std::string out;
        for (const auto& input : inputs) {
            catalog::write_json(out, input);
            out += '\n';
        }
        return out;
    }
    std::vector<ChatOutput> chat_outputs() const {
        std::vector<ChatOutput> outputs;
        for (const auto& line : given_.lines("outputs")) {
            outputs.push_back(
                chat_output(output_of(*validator_, line, catalog::Completeness::whole), "job"));
        }
        return outputs;
    }
    /// Steps are `run {…}`; the ends follow in order.
    std::string streamed(StreamShape& shape, std::uint32_t count) const {
        std::string out;
        for (const auto& line : given_.lines("steps")) {
            const auto space = line.find(' ');
            const auto run = static_cast<std::uint32_t>(std::stoul(line.substr(0, space)));
            shape.step(out, run,
                       output_of(*validator_, line.substr(space + 1), catalog::Completeness::step));
        }
        const auto ends = given_.lines("outputs");
        for (std::uint32_t run = 0; run < count; ++run) {
            shape.end(out, run, output_of(*validator_, ends[run], catalog::Completeness::whole),
                      record_);
        }
        shape.finish(out);
        std::string lines;  // blank lines between events say nothing here
        std::istringstream in(out);
        for (std::string line; std::getline(in, line);) {
            if (!line.empty()) lines += line + '\n';
        }
        return lines;
    }

    const Case& given_;
    std::shared_ptr<const catalog::Validator> validator_;
    AnswerFacts facts_;
    jobs::JobRecord record_;
};

std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(kSource / "tests" / "golden" / "openai")) {
        if (entry.path().extension() == ".txt") all.push_back(entry.path().stem().string());
    }
    std::sort(all.begin(), all.end());
    return all;
}

class Golden : public testing::TestWithParam<std::string> {};

TEST_P(Golden, RequestJobAnswer) {
    const auto path = kSource / "tests" / "golden" / "openai" / (GetParam() + ".txt");
    const Case given = Case::read(path);
    std::istringstream kind(given.get("case"));
    std::string endpoint, engine;
    kind >> endpoint >> engine;
    Conversion made_of(given, validator_of(engine));
    const Made made = endpoint == "chat" ? made_of.chat() : made_of.completion();
    Case computed;
    for (const auto& name : {"case", "request"}) {
        computed.sections.emplace_back(name, given.get(name));
    }
    const auto add = [&](const char* name, const std::string& text) {
        if (!text.empty()) computed.sections.emplace_back(name, text);
    };
    add("error", made.error);
    add("jobs", made.jobs);
    add("steps", given.get("steps"));
    add("outputs", given.get("outputs"));
    add("response", made.response);
    add("stream", made.stream);
    if (std::getenv("HEADRACE_UPDATE_GOLDEN") != nullptr) {
        std::ofstream(path) << computed.text();
        return;
    }
    EXPECT_EQ(computed.text(), given.text());
}

INSTANTIATE_TEST_SUITE_P(Cases, Golden, testing::ValuesIn(names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace headrace::protocols::openai

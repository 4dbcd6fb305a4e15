// Holds tests/golden/interface: see the README there.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <toml++/toml.h>

#include "base/json.hpp"
#include "catalog/engine_toml.hpp"
#include "catalog/json_codec.hpp"
#include "catalog/json_schema.hpp"
#include "catalog/openapi.hpp"
#include "catalog/toml_tree.hpp"
#include "catalog/validator.hpp"

namespace headrace::catalog {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = fs::path(HEADRACE_SOURCE_DIR) / "tests/golden/interface";

std::string read_text(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

/// Two spaces a level, for people who read a change of a golden file.
void append_pretty(std::string& out, const json::value& value, const std::string& indent) {
    const std::string inner = indent + "  ";
    if (const auto* object = value.if_object(); object && !object->empty()) {
        out += '{';
        bool first = true;
        for (const auto& member : *object) {
            out += (first ? "\n" : ",\n") + inner;
            first = false;
            append_json_string(out, member.key());
            out += ": ";
            append_pretty(out, member.value(), inner);
        }
        out += '\n' + indent + '}';
        return;
    }
    if (const auto* array = value.if_array();
        array && !array->empty() && (array->front().is_structured() || array->size() > 8)) {
        out += '[';
        bool first = true;
        for (const auto& item : *array) {
            out += (first ? "\n" : ",\n") + inner;
            first = false;
            append_pretty(out, item, inner);
        }
        out += '\n' + indent + ']';
        return;
    }
    append_json(out, value);
}

json::value parsed(const std::string& text) {
    auto value = parse_json(text);
    EXPECT_TRUE(value.has_value()) << (value ? "" : value.error().message);
    return value ? std::move(*value) : json::value();
}

void expect_golden(const fs::path& path, const std::string& json_text) {
    std::string pretty;
    append_pretty(pretty, parsed(json_text), "");
    pretty += '\n';
    if (std::getenv("HEADRACE_UPDATE_GOLDEN")) {
        std::ofstream(path, std::ios::binary) << pretty;
        return;
    }
    EXPECT_EQ(read_text(path), pretty) << path << " (HEADRACE_UPDATE_GOLDEN=1 rewrites it)";
}

json::value foreign_of(const fs::path& folder) {
    if (fs::exists(folder / "foreign.json")) return parsed(read_text(folder / "foreign.json"));
    const auto table = toml::parse(read_text(folder / "foreign.toml"));
    Findings findings(0);
    return to_json(table, PathNode{}, findings);
}

bool holds(const Interface& interface, std::string_view group, std::string_view name) {
    const auto& fields = group == "inputs"             ? interface.inputs
                         : group == "parameters"       ? interface.parameters
                         : group == "outputs"          ? interface.outputs
                         : group == "progress_outputs" ? interface.progress_outputs
                                                       : interface.progress_inputs;
    return std::any_of(fields.begin(), fields.end(),
                       [&](const auto& field) { return field.name == name; });
}

std::string text_or(const json::object& sample, std::string_view key, const char* otherwise) {
    const auto* value = sample.if_contains(key);
    return value ? std::string(value->as_string()) : otherwise;
}

/// Media with attributes, which no JSON form of ours has.
Values media_values(const json::object& object) {
    Values values;
    for (const auto& member : object) {
        Media media;
        media.content_type = std::string(member.value().at("type").as_string());
        for (const auto& attribute : member.value().at("attributes").as_object()) {
            media.attributes.emplace_back(attribute.key(), attribute.value().as_string());
        }
        values.set(std::string_view(member.key()), std::move(media));
    }
    return values;
}

std::vector<std::string> texts(const std::vector<Violation>& violations) {
    std::vector<std::string> out;
    for (const auto& violation : violations) {
        out.push_back(violation.path + ' ' + violation.rule);
        if (!violation.limit.empty()) out.back() += ' ' + violation.limit;
    }
    return out;
}

void check_sample(const Validator& validator, const json::object& sample) {
    SCOPED_TRACE(std::string(sample.at("name").as_string()));
    ReadOptions options;
    const auto side = text_or(sample, "side", "input");
    if (side == "output") options.side = Side::output;
    if (side == "progress_output") options.side = Side::progress_output;
    const auto part = text_or(sample, "part", "whole");
    if (part == "opening") options.completeness = Completeness::opening;
    if (part == "step") options.completeness = Completeness::step;

    Result<Values> values;
    if (const auto* typed = sample.if_contains("values")) {
        values = media_values(typed->as_object());
        if (auto checked = validator.check(options.side, *values, options.completeness); !checked) {
            values = fail(checked.error());
        }
    } else {
        values = read_json(validator, sample.at("value").as_object(), options);
    }
    std::vector<std::string> expected;
    if (const auto* breaks = sample.if_contains("breaks")) {
        for (const auto& line : breaks->as_array()) expected.emplace_back(line.as_string());
    }
    EXPECT_EQ(values ? std::vector<std::string>() : texts(values.error().violations), expected);
    if (!values) return;
    // What a reader accepts, the validator accepts, also after a trip over the link.
    auto travelled = decode(encode(*values));
    ASSERT_TRUE(travelled.has_value());
    EXPECT_EQ(*travelled, *values);
    EXPECT_TRUE(validator.check(options.side, *travelled, options.completeness).has_value());
    EXPECT_EQ(*travelled, *values);
    if (const auto* becomes = sample.if_contains("becomes")) {
        std::string text;
        write_json(text, *values);
        EXPECT_EQ(canonical_json(parsed(text)), canonical_json(*becomes));
    }
}

class GoldenInterface : public testing::TestWithParam<std::string> {};

TEST_P(GoldenInterface, HoldsTheForeignWorld) {
    const fs::path folder = kRoot / GetParam();
    const auto engine = load_engine(folder);
    ASSERT_TRUE(engine.has_value()) << engine.error().message;
    const auto validator = Validator::compile(engine->interface);
    ASSERT_TRUE(validator.has_value()) << validator.error().message;

    const auto foreign = foreign_of(folder);
    std::istringstream names(read_text(folder / "names.txt"));
    int count = 0;
    for (std::string pointer, arrow, target; names >> pointer >> arrow >> target; ++count) {
        boost::system::error_code error;
        EXPECT_NE(foreign.find_pointer(pointer, error), nullptr) << pointer;
        const auto dot = target.find('.');
        EXPECT_TRUE(holds(engine->interface, target.substr(0, dot), target.substr(dot + 1)))
            << target;
    }
    EXPECT_GT(count, 0);

    const auto samples = parsed(read_text(folder / "samples.json"));
    for (const auto& sample : samples.as_array()) check_sample(**validator, sample.as_object());
}

TEST_P(GoldenInterface, IsRendered) {
    const fs::path folder = kRoot / GetParam();
    const auto engine = load_engine(folder);
    ASSERT_TRUE(engine.has_value()) << engine.error().message;
    const auto canonical = interface_to_json(engine->interface);
    expect_golden(folder / "interface.json", canonical);
    const auto again = interface_from_json(canonical);
    ASSERT_TRUE(again.has_value()) << again.error().message;
    EXPECT_EQ(interface_to_json(*again), canonical);
    EXPECT_EQ(digest_of(*again), digest_of(engine->interface));

    const auto schema = [&](Side side) {
        std::string text;
        append_json(text, json_schema(engine->interface, side));
        return text;
    };
    expect_golden(folder / "schema.input.json", schema(Side::input));
    expect_golden(folder / "schema.output.json", schema(Side::output));
    if (!engine->interface.progress_outputs.empty()) {
        expect_golden(folder / "schema.progress.json", schema(Side::progress_output));
    }

    Version version;
    version.name = engine->capability;
    version.semver = *SemVer::parse(engine->version);
    version.title = engine->title;
    version.description = engine->description;
    version.validator = *Validator::compile(engine->interface);
    expect_golden(folder / "openapi.json", openapi_of(version, "/api/v1/jobs"));
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenInterface,
                         testing::Values("aime_picture_mix", "aiserving_interpreter", "openai_chat",
                                         "marketplace_text2music", "oip_classifier"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace headrace::catalog

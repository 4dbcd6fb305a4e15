#include "config/show.hpp"

#include <fmt/format.h>

namespace headrace::config {
namespace {

json::value value_json(const Entry& entry) {
    if (entry.setting->type == Type::secret) {
        if (std::get<std::string>(entry.value).empty()) return nullptr;
        return "(set)";
    }
    return std::visit([](const auto& value) -> json::value { return json::value_from(value); },
                      entry.value);
}

/// A vertical bar would end the cell of a table.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '|') out += '\\';
        out += c;
    }
    return out;
}

}  // namespace

json::object to_json(const Config& config) {
    json::array settings;
    for (const auto& entry : config.entries()) {
        const auto& setting = *entry.setting;
        json::object item;
        item["name"] = setting.name();
        item["value"] = value_json(entry);
        item["origin"] = entry.origin;
        item["default"] = setting.initial;
        item["type"] = describe_type(setting);
        item["restart"] = setting.restart;
        item["doc"] = setting.doc;
        settings.push_back(std::move(item));
    }
    json::object out;
    out["settings"] = std::move(settings);
    return out;
}

std::string to_markdown(std::span<const Setting> settings) {
    std::string out =
        "# Configuration\n\n"
        "<!-- Written by `headrace config docs`; a test compares. Change src/config/declared.cpp. "
        "-->\n\n"
        "Settings come from four places, each over the one before: the default, one TOML file\n"
        "(`--config FILE`), environment variables, the command line. A setting `key` in section\n"
        "`section` is `HEADRACE_SECTION_KEY` in the environment and `--set section.key=value` on "
        "the\n"
        "command line; a list is comma-separated there. A secret may stand in a file instead, "
        "which\n"
        "`HEADRACE_SECTION_KEY_FILE` names. Sizes are bytes or text with `KiB`, `MiB`, `GiB`. An "
        "unknown\n"
        "name is an error.\n\n"
        "`headrace config check` validates, `headrace config show` tells each value and where it "
        "came\n"
        "from. `SIGHUP` or `POST /api/v1/reload` reads everything again: when anything is wrong, "
        "nothing\n"
        "changes. Settings marked *live* change then; the others at the next start.\n";
    std::string_view section;
    for (const auto& setting : settings) {
        if (setting.section != section) {
            section = setting.section;
            out += fmt::format(
                "\n## [{}]\n\n{}\n\n| key | type | default | changes | what it does |\n"
                "| --- | --- | --- | --- | --- |\n",
                section, section_doc(section));
        }
        out +=
            fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.key, cell(describe_type(setting)),
                        setting.initial.empty() ? "" : fmt::format("`{}`", cell(setting.initial)),
                        setting.restart ? "restart" : "live", cell(setting.doc));
    }
    return out;
}

}  // namespace headrace::config

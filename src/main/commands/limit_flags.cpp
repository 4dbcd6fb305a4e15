#include "main/commands/limit_flags.hpp"

#include <utility>

#include "main/commands/print.hpp"

namespace headrace::main {

json::object LimitFlags::over(const json::value* before) const {
    json::object out;
    if (before != nullptr && before->is_object()) out = before->get_object();
    const auto put = [&out](const char* name, const std::optional<std::int64_t>& value) {
        if (value) out[name] = *value;
    };
    put("requests_per_minute", requests_per_minute);
    put("requests_per_day", requests_per_day);
    put("tokens_per_minute", tokens_per_minute);
    put("concurrency", concurrency);
    return out;
}

void add_limit_flags(Command& command, LimitFlags& flags) {
    command.option("--requests-per-minute", flags.requests_per_minute, "limit; 0: none")
        .value_name("N");
    command.option("--requests-per-day", flags.requests_per_day, "limit; 0: none").value_name("N");
    command.option("--tokens-per-minute", flags.tokens_per_minute, "limit; 0: none")
        .value_name("N");
    command.option("--concurrency", flags.concurrency, "requests that run at once; 0: no limit")
        .value_name("N");
}

std::string show_limits(const json::value* limits) {
    std::string out;
    if (limits == nullptr || !limits->is_object()) return out;
    constexpr std::pair<const char*, const char*> kWords[] = {
        {"requests_per_minute", " requests/min"},
        {"requests_per_day", " requests/day"},
        {"tokens_per_minute", " tokens/min"},
        {"concurrency", " at once"}};
    for (const auto& [name, unit] : kWords) {
        const auto text = show(*limits, name);
        if (text.empty()) continue;
        if (!out.empty()) out += ", ";
        out += text + unit;
    }
    return out;
}

}  // namespace headrace::main

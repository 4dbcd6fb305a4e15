// headrace.toml, and the text of --set and of environment variables: every setting that was taken
// can be shown.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/config.hpp"
#include "config/show.hpp"
#include "own_file.hpp"

namespace {

using namespace headrace;

void require(bool holds) {
    if (!holds) std::abort();
}

void read(const config::Sources& sources) {
    const auto config = config::load(config::declared(), sources);
    if (!config) {
        require(!config.error().message.empty());
        return;
    }
    for (const auto& entry : config->entries()) {
        require(!entry.origin.empty());
        (void)config::show_value(*entry.setting, entry.value);
    }
    require(config::changes(*config, *config).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const headrace::fuzz::OwnFile file("headrace.toml");
    const std::string text(reinterpret_cast<const char*>(data), size);
    file.write(text);
    read({.file = file.path()});
    if (auto one = config::parse_override(text)) {
        config::Sources sources;
        sources.overrides.push_back(std::move(*one));
        read(sources);
    }
    const auto middle = text.find('=');
    if (middle != std::string::npos) {
        config::Sources sources;
        sources.environment["HEADRACE_" + text.substr(0, middle)] = text.substr(middle + 1);
        read(sources);
    }
    return 0;
}

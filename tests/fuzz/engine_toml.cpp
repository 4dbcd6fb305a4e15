// engine.toml: never a crash, and every refusal says something.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "catalog/engine_toml.hpp"
#include "catalog/validator.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace headrace::catalog;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto engine = parse_engine_toml(text, "engine.toml", "/engine");
    if (!engine) {
        if (engine.error().message.find("engine.toml") == std::string::npos) std::abort();
        return 0;
    }
    if (!is_capability_name(engine->capability) || engine->processes() == 0) std::abort();
    if (!Validator::compile(engine->interface)) std::abort();
    return 0;
}

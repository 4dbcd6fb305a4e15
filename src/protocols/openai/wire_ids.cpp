#include "protocols/openai/wire_ids.hpp"

#include "base/digest.hpp"

namespace headrace::protocols::openai {

std::string wire_id(std::string_view prefix, const Uuid& id) {
    return std::string(prefix) + to_hex(id.raw());
}

std::optional<Uuid> parse_wire_id(std::string_view prefix, std::string_view text) {
    if (!text.starts_with(prefix)) return std::nullopt;
    const auto raw = from_hex(text.substr(prefix.size()));
    return raw ? Uuid::from_raw(*raw) : std::nullopt;
}

}  // namespace headrace::protocols::openai

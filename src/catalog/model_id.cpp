#include "catalog/model_id.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace headrace::catalog {
namespace {

constexpr std::size_t kMaxIdBytes = 256;
constexpr std::size_t kMaxNameBytes = 63;

bool is_control(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
}

char in_name(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    const bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    return fits ? c : '-';
}

}  // namespace

bool is_model_id(std::string_view id) {
    return !id.empty() && id.size() <= kMaxIdBytes && std::ranges::none_of(id, is_control) &&
           is_utf8(id);
}

std::string capability_name_for(std::string_view model_id) {
    std::string name;
    name.reserve(model_id.size() + 2);
    for (const char c : model_id) name += in_name(c);
    if (name.empty() || name.front() < 'a' || name.front() > 'z') name.insert(0, "m-");
    if (name.size() > kMaxNameBytes) name.resize(kMaxNameBytes);
    return name;
}

}  // namespace headrace::catalog

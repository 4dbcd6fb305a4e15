// The members of a JSON object, in place: against the parser that builds a tree.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"
#include "base/json_scan.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace headrace;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const bool sound = is_json(text);
    const auto members = JsonMembers::scan(text);
    const auto tree = parse_json(text);
    if (tree && !sound) std::abort();
    if (is_plain_json(text) && !tree) std::abort();
    if (JsonMembers::scan_plain(text) && !(tree && tree->is_object())) std::abort();
    if (tree && tree->is_object() != members.has_value()) std::abort();
    if (!tree && sound) {
        // Repeated keys below the top and numbers out of range are all that it lets pass.
        const auto& rule = tree.error().violations.at(0).rule;
        if (rule != "duplicate_key" && rule != "number_range") std::abort();
    }
    // Of text that is not sound it may say anything, within the text.
    const auto stepped = JsonMembers::scan_sound(text);
    if (members && !(stepped && stepped->all().size() == members->all().size())) std::abort();
    for (std::size_t i = 0; members && i < members->all().size(); ++i) {
        const auto& one = members->all()[i];
        const auto& other = stepped->all()[i];
        if (one.key != other.key || one.value != other.value || one.kind != other.kind ||
            one.begin != other.begin || one.end != other.end) {
            std::abort();
        }
    }
    if (!members) return 0;
    std::size_t before = members->inside();
    for (const auto& member : members->all()) {
        if (member.begin < before || member.end > text.size()) std::abort();
        before = member.end;
        if (!is_json(member.value)) std::abort();
        if (members->find(member.key) != &member) std::abort();
        if (member.kind == JsonKind::string && !json_text(member.value)) std::abort();
        if (member.kind == JsonKind::array && !scan_json_array(member.value)) std::abort();
    }
    return 0;
}

// JSON, interfaces and values against each other. The first byte picks what the rest is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "catalog/json_codec.hpp"
#include "catalog/json_schema.hpp"
#include "catalog/validator.hpp"

namespace {

using namespace headrace;
using namespace headrace::catalog;

constexpr std::string_view kEveryKind = R"({"inputs":{
"text":{"kind":"text","required":false,"max_length":9},"image":{"kind":"image","count":"0..2","max_bytes":99},
"audio":{"kind":"audio","required":false},"other":{"kind":"other","required":false},
"tensor":{"kind":"tensor","dtype":"int16","shape":[-1,2],"required":false},
"halves":{"kind":"tensor","dtype":"fp16","shape":[-1],"count":"0..n"},
"words":{"kind":"tensor","dtype":"bytes","shape":[],"required":false}},
"parameters":{"i":{"kind":"integer","min":-5,"multiple_of":3,"default":3},"f":{"kind":"float","exclusive_max":1.5},
"b":{"kind":"boolean","nullable":true},"s":{"kind":"string","pattern":"^a+$","list":true,"max_items":3},
"e":{"kind":"enum","values":["x","y"]},"t":{"kind":"time"},"any":{"kind":"json"},
"j":{"kind":"json","schema":{"type":["object","array"],"properties":{"a":{"type":"integer"}},"required":["a"],
"additionalProperties":{"type":"string"},"items":{"anyOf":[{"type":"string"},{"enum":[1,2]}]},"uniqueItems":true}}}})";

void require(bool holds) {
    if (!holds) std::abort();
}

void read_values(const Validator& validator, std::string_view text) {
    const auto object = parse_json_object(text);
    if (!object) return;
    auto values = read_json(validator, *object);
    if (!values) {
        require(!values.error().violations.empty());
        require(values.error().violations.size() <= Validator::kMaxViolations);
        return;
    }
    auto travelled = decode(encode(*values));
    require(travelled.has_value() && *travelled == *values);
    require(validator.check(Side::input, *travelled).has_value());
    std::string out;
    write_json(out, *values);
    const auto again = parse_json(out);
    require(again.has_value());
}

void read_interface(std::string_view text) {
    auto interface = interface_from_json(text);
    if (!interface) return;
    const auto canonical = interface_to_json(*interface);
    const auto again = interface_from_json(canonical);
    require(again.has_value() && interface_to_json(*again) == canonical);
    const auto validator = Validator::compile(std::move(*interface));
    if (!validator) return;
    for (const auto side :
         {Side::input, Side::output, Side::progress_output, Side::progress_input}) {
        json_schema((*validator)->interface(), side);
    }
    read_values(**validator, "{}");
}

void read_bytes(const Validator& validator, std::string_view bytes) {
    auto values = decode(bytes);
    if (!values) return;
    // Not checked yet: json texts may be anything, but no value may break a reader of it.
    if (!validator.check(Side::input, *values)) return;
    std::string out;
    write_json(out, *values);
    require(parse_json(out).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto validator = *Validator::compile(*interface_from_json(kEveryKind));
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 3) {
        case 0:
            read_values(*validator, text);
            break;
        case 1:
            read_interface(text);
            break;
        default:
            read_bytes(*validator, text);
            break;
    }
    return 0;
}

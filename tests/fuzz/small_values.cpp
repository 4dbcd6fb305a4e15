// Short texts that others hand us: versions, times, base64, data URLs, keys, cookies, origins, and
// what the GPU tool prints.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "access/keys.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "catalog/json_value.hpp"
#include "catalog/semver.hpp"
#include "engines/gpu.hpp"
#include "protocols/native/session_cookie.hpp"

namespace {

using namespace headrace;

void require(bool holds) {
    if (!holds) std::abort();
}

void read_version(std::string_view text) {
    const auto version = catalog::SemVer::parse(text);
    if (!version) return;
    require(version->text() == text);
    require(*version == *catalog::SemVer::parse(version->text()));
    const auto half = catalog::SemVer::parse(text.substr(0, text.size() / 2));
    if (half) require((*half < *version) != (*half >= *version));
}

void read_time(std::string_view text) {
    const auto time = from_rfc3339(text);
    if (!time) return;
    const auto again = from_rfc3339(to_rfc3339(*time));
    require(again && *again == *time);
}

void read_base64(std::string_view text) {
    // Bits that the last character has too many are not looked at, so the text may differ there.
    if (const auto bytes = from_base64(text)) require(from_base64(to_base64(*bytes)) == bytes);
    if (const auto bytes = from_base64url(text)) {
        require(from_base64url(to_base64url(*bytes)) == bytes);
    }
    require(from_base64(to_base64(text)) == text);
    require(from_base64url(to_base64url(text)) == text);
    require(from_hex(to_hex(text)) == text);
    // The type may be missing; type and data are parts of the text.
    if (const auto url = catalog::parse_data_url(text)) {
        require(url->content_type.size() + url->base64.size() < text.size());
    }
}

void read_who(std::string_view text) {
    if (const auto key = access::bearer_of(text)) require(key->size() < text.size());
    namespace native = protocols::native;
    if (const auto value = native::cookie_value(text, native::kSessionCookie)) {
        require(value->size() < text.size());
    }
    const auto middle = text.size() / 2;
    if (native::is_origin_of(text.substr(0, middle), text.substr(middle))) require(middle > 0);
}

void read_gpus(std::string_view text) {
    const auto gpus = engines::parse_gpus(text);
    if (!gpus) return;
    engines::GpuBook book(*gpus);
    (void)book.take("a", {1, 0});
    for (const auto& gpu : *gpus) (void)engines::describe(gpu);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    read_version(text);
    read_time(text);
    read_base64(text);
    read_who(text);
    read_gpus(text);
    return 0;
}

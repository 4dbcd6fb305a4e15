#pragma once

#include <span>
#include <string_view>

namespace headrace::protocols::console {

/// One file of the built page, in the program's read-only data.
struct Asset {
    std::string_view path;  // "index.html", "assets/index-3f2a.js"
    std::string_view bytes;
    std::string_view gzip;    // empty where packing gains nothing
    std::string_view digest;  // first half of the SHA-256 of `bytes`, hex
};

/// What the build found in build/console/dist, sorted by path; empty when there was nothing.
std::span<const Asset> embedded_assets();

}  // namespace headrace::protocols::console

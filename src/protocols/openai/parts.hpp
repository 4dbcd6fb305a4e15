#pragma once

#include <cstdint>
#include <string_view>

#include "access/refusal.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/shared_ids.hpp"

namespace headrace::access {
class KeyRing;
class Limiter;
}  // namespace headrace::access
namespace headrace::catalog {
class Catalog;
}
namespace headrace::jobs {
class BlobStore;
class JobLog;
class Service;
}  // namespace headrace::jobs

namespace headrace::protocols::openai {

/// Everything the dialect stands on. All of it outlives the doors that carry the mount.
struct Parts {
    jobs::Service& jobs;
    jobs::JobLog& log;
    jobs::BlobStore& blobs;
    catalog::Catalog& catalog;
    access::KeyRing& keys;
    access::Limiter& limiter;
    const Clock& clock;
    access::OnRefusal refused{};  // may be empty
};

struct Settings {
    std::uint64_t max_body_bytes = 32ULL << 20;  // a JSON body
    std::uint64_t max_file_bytes = 1ULL << 30;   // an uploaded file, a recording
};

/// What the groups of routes share.
struct Site {
    Site(Parts parts_, Settings settings_) : parts(parts_), settings(settings_), ids(parts.clock) {}

    Parts parts;
    Settings settings;
    SharedIds ids;
};

inline constexpr std::string_view kPrefix = "/v1";

}  // namespace headrace::protocols::openai

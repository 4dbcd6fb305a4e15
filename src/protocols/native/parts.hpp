#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/shared_ids.hpp"
#include "protocols/native/request_query.hpp"

namespace headrace::access {
class AuditLog;
class Directory;
class KeyRing;
class Limiter;
class Sessions;
class SignedUrls;
struct Principal;
}  // namespace headrace::access
namespace headrace::catalog {
class Catalog;
}
namespace headrace::http {
class GuardedFetch;
class WebSocket;
}  // namespace headrace::http
namespace headrace::jobs {
class Activity;
class BlobStore;
class JobLog;
class Service;
}  // namespace headrace::jobs
namespace headrace::upstreams {
class Upstreams;
}

namespace headrace::protocols::native {

namespace asio = boost::asio;

/// What the status page tells of the server itself.
struct ServerFacts {
    struct Warning {
        std::string code;
        std::string message;
    };
    std::string version;
    std::string client_url;  // of the client door, for calls that are written down
    WallMs started_at = 0;
    std::uint64_t epoch = 0;
    bool ready = false;
    std::uint64_t memory_bytes = 0;
    std::size_t loops = 0;
    std::size_t connections = 0;
    std::vector<Warning> warnings;
};

/// Everything the dialect stands on. All of it outlives the doors that carry the mount.
struct Parts {
    jobs::Service& jobs;
    jobs::Activity& activity;  // on the core's loop only
    jobs::JobLog& log;
    jobs::BlobStore& blobs;
    catalog::Catalog& catalog;
    upstreams::Upstreams& upstreams;  // on the core's loop only
    access::KeyRing& keys;
    access::Directory& directory;
    access::Limiter& limits;
    access::Sessions& sessions;
    access::SignedUrls& urls;
    access::AuditLog& audit;
    const http::GuardedFetch& fetch;
    const Clock& clock;

    /// Takes over the connection of a worker that came with this key. Any loop.
    std::function<void(std::unique_ptr<http::WebSocket>, const access::Principal&)> link;
    /// A key is no longer good: worker links that came with it must end. Any loop.
    std::function<void(const std::string& key_id)> key_revoked;
    /// Any loop.
    std::function<ServerFacts()> server;
    /// The effective settings as one JSON object, secrets left out. Any loop.
    std::function<std::string()> config;
    /// Reads the settings again, all or nothing. Any loop.
    std::function<asio::awaitable<Result<void>>()> reload;
    /// Empty where the request log is off.
    RequestSearch requests = {};
};

struct Settings {
    std::uint64_t max_body_bytes = 32ULL << 20;    // a JSON body
    std::uint64_t max_file_bytes = 1ULL << 30;     // an upload, a fetched url
    std::int64_t file_keep_ms = 7 * 86'400'000LL;  // an uploaded file that nobody removes
    std::int64_t url_good_ms = 3'600'000;          // signed addresses
};

/// What the groups of routes share.
struct Site {
    Site(Parts parts_, Settings settings_)
        : parts(std::move(parts_)), settings(settings_), ids(parts.clock) {}

    Parts parts;
    Settings settings;
    SharedIds ids;
};

inline constexpr std::string_view kPrefix = "/api/v1";

}  // namespace headrace::protocols::native

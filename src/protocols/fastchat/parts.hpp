#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "access/refusal.hpp"
#include "base/cidr.hpp"
#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "base/secret.hpp"

namespace headrace::access {
class KeyRing;
class Limiter;
}  // namespace headrace::access
namespace headrace::catalog {
class Catalog;
}
namespace headrace::jobs {
class BlobStore;
class Service;
}  // namespace headrace::jobs
namespace headrace::upstreams {
class Upstreams;
}

namespace headrace::protocols::fastchat {

/// Everything the dialect stands on. All of it outlives the doors that carry its mounts.
struct Parts {
    Loop& core;
    jobs::Service& jobs;
    jobs::BlobStore& blobs;
    catalog::Catalog& catalog;
    access::KeyRing& keys;
    access::Limiter& limiter;
    upstreams::Upstreams& upstreams;
    const Clock& clock;
    access::OnRefusal refused{};  // may be empty
};

struct Settings {
    Secret token;  // of the controller's address on the control door; empty: it is not there
    /// Where workers may be, and call from.
    std::vector<Cidr> networks;
    TenantId tenant{"system"};  // whose the registered models are
    /// A worker that beats is forgotten when it has not for so long.
    std::chrono::milliseconds expire{90'000};
    /// Parts of names, in lower case, of models that only embed.
    std::vector<std::string> embedding_models;
    std::size_t max_body_bytes = 32U << 20;
};

/// Of the controller on the control door; a segment with its token follows.
inline constexpr std::string_view kControllerPrefix = "/fastchat";

/// What registered workers are to `upstreams`.
inline constexpr std::string_view kOrigin = "fastchat";

}  // namespace headrace::protocols::fastchat

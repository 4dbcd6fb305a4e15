#pragma once

#include <functional>
#include <memory>

#include "base/result.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::main {

/// The upstreams with what keeps them and who speaks to them.
class DialledServers {
  public:
    struct Parts {
        Loop& loop;  // the core's
        jobs::Core& core;
        jobs::BlobStore& blobs;
        catalog::Catalog& catalog;
        const http::GuardedFetch& fetch;
        upstreams::UpstreamStore& store;
        telemetry::Registry& metrics;
        const Clock& clock;
        IdSource& ids;
        std::function<void(const JobId&, const upstreams::UpstreamSpec&)> called{};
    };
    explicit DialledServers(const Parts& parts);

    [[nodiscard]] upstreams::Upstreams& room() { return upstreams_; }

  private:
    upstreams::Upstreams upstreams_;
};

}  // namespace headrace::main

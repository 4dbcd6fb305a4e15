#pragma once

#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::upstreams {

/// Keeps the servers that were added. The key in a spec is clear text here: an implementation seals
/// it before it goes to disk. Answers on the calling loop, never inside the call itself.
class UpstreamStore {
  public:
    virtual ~UpstreamStore() = default;
    /// Blocking; at start only. A server whose key cannot be opened any more comes without it and
    /// disabled.
    virtual Result<std::vector<UpstreamSpec>> load() = 0;
    /// Writes or overwrites; durable when `done` is called.
    virtual void save(UpstreamSpec spec, UniqueFunction<void(Result<void>)> done) = 0;
    virtual void remove(TenantId tenant, std::string name,
                        UniqueFunction<void(Result<void>)> done) = 0;
};

}  // namespace headrace::upstreams

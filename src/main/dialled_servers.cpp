#include "main/dialled_servers.hpp"

#include "upstreams/fastchat_dialer.hpp"
#include "upstreams/openai_dialer.hpp"

namespace headrace::main {

DialledServers::DialledServers(const Parts& parts)
    : upstreams_({.loop = parts.loop,
                  .core = parts.core,
                  .blobs = parts.blobs,
                  .catalog = parts.catalog,
                  .fetch = parts.fetch,
                  .store = parts.store,
                  .metrics = parts.metrics,
                  .clock = parts.clock,
                  .ids = parts.ids,
                  .called = parts.called},
                 {}) {
    using upstreams::Kind;
    upstreams_.speak(Kind::openai,
                     std::make_unique<upstreams::OpenaiDialer>(upstreams::OpenaiLimits{}));
    upstreams_.speak(Kind::fastchat, std::make_unique<upstreams::FastchatDialer>(parts.fetch));
}

}  // namespace headrace::main

#pragma once
// Internal: an event stream on its way from a server to a caller.

#include <cstdint>
#include <string>
#include <string_view>

#include "upstreams/dialer.hpp"
#include "upstreams/event_scanner.hpp"
#include "upstreams/usage_scanner.hpp"

namespace headrace::upstreams {

/// Passes whole events on as they came, those that follow one another in one part, and takes out
/// what the caller did not ask for.
class EventRelay {
  public:
    enum class Verdict : std::uint8_t {
        more,
        done,      // the stream has said that it is over
        unwanted,  // nobody takes it any more
        broken     // error() says why
    };

    EventRelay(bool usage_wanted, std::string_view secret, std::size_t most_event_bytes = 8 << 20)
        : events_(most_event_bytes), usage_(usage_wanted, secret) {}

    Verdict take(std::string piece, CallSink& sink);
    /// What has come may be all that there is, though nothing said so.
    [[nodiscard]] bool whole() const { return !events_.pending() && usage_.finished(); }
    [[nodiscard]] Tokens tokens() const { return usage_.tokens(); }
    [[nodiscard]] const CallError& error() const;

  private:
    EventScanner events_;
    UsageScanner usage_;
};

}  // namespace headrace::upstreams

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "catalog/interface.hpp"
#include "catalog/values.hpp"
#include "upstreams/connections.hpp"
#include "upstreams/fault.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::upstreams {

/// One server for the time of one call or probe. `connections.open(request, abort)` is the only
/// way out; whoever gives up trips `abort`.
struct Line {
    SpecPtr upstream;
    Connections& connections;
    Abort& abort;
};

/// What a job asks of a server. Lives until Dialer::call() has ended; the same call may then go to
/// another server, so its input is not used up.
struct Call {
    const ModelSpec& model;
    const catalog::Values& input;  // inputs and parameters by name; media are InlineBytes
    JobId job;
    std::string traceparent;
    bool wants_stream = false;  // somebody listens to what is appended
};

/// Takes an answer while it comes. Core's loop.
class CallSink {
  public:
    virtual ~CallSink() = default;
    /// The next part of an output that streams by `append` ("text", "response"). The port keeps the
    /// whole and puts it into the job's result. With the first part the answer has begun: from then
    /// on no other server is tried. False: nobody wants the rest (the call was dropped); end.
    virtual bool append(std::string_view output, std::string_view part) = 0;
    /// As append(), for a part that is shown but not kept in the result: it has been streamed to
    /// whoever wanted it. The one who asked for a stream of bytes has them.
    virtual bool pass_on(std::string_view output, std::string_view part) = 0;
    /// room() would not wait.
    [[nodiscard]] virtual bool has_room() const { return false; }
    /// Ends when the caller has taken enough for more to be sent; co_await it after each append,
    /// unless has_room().
    virtual asio::awaitable<void> room() = 0;
};

/// What a call consumed. What the server did not say is counted or estimated by the dialer.
struct Tokens {
    std::optional<std::uint64_t> prompt;
    std::optional<std::uint64_t> completion;
    std::optional<std::uint64_t> cached;
};

/// The end of a call that succeeded: the outputs that were not appended ("finish_reason",
/// "tool_calls", "embeddings", media as InlineBytes, …).
struct CallAnswer {
    catalog::Values output;
    Tokens tokens;
};

/// What a server says when it is asked how it is.
struct ProbeAnswer {
    std::vector<std::string> models;  // remote names; empty = it does not say
    std::optional<double> load;       // calls that run or wait there
};

/// Speaks one protocol to servers of its kind. One object for all of them; core's loop. Coroutines
/// of several calls run side by side.
class Dialer {
  public:
    virtual ~Dialer() = default;
    /// What a model of this profile takes and gives, the same on every server of the kind;
    /// invalid_argument for a profile that the protocol has no route for.
    [[nodiscard]] virtual Result<catalog::Interface> interface_of(
        catalog::Profile profile) const = 0;
    /// Makes the call on this server. Ends soon after line.abort was tripped (Fault::cancelled).
    virtual asio::awaitable<CallResult<CallAnswer>> call(Line& line, const Call& call,
                                                         CallSink& sink) = 0;
    /// Asks the server whether it is there: cheap, no inference.
    virtual asio::awaitable<CallResult<ProbeAnswer>> probe(Line& line) = 0;
    /// The server is gone or its spec has changed: forget what was kept of it.
    virtual void forget(const UpstreamSpec& /*spec*/) {}
};

}  // namespace headrace::upstreams

#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "catalog/interface.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/fault.hpp"

namespace headrace::upstreams {

/// An answer's whole body in canonical fields. Fault::server when it is not what the route gives.
CallResult<CallAnswer> read_answer(catalog::Profile profile, std::string_view body,
                                   std::string_view secret);

/// The events of a chat stream, gathered into canonical fields.
class ChatDeltas {
  public:
    explicit ChatDeltas(std::string_view secret) : secret_(secret) {}
    /// The text that the event adds; an error that it tells of.
    CallResult<std::string> take(std::string_view data);
    /// The model has said why it ended.
    [[nodiscard]] bool finished() const { return !finish_reason_.empty(); }
    [[nodiscard]] CallAnswer answer() const;

  private:
    void take_tool_calls(const json::array& deltas);

    std::string_view secret_;
    std::string finish_reason_;
    std::map<std::int64_t, json::object> tool_calls_;  // by index
    json::array logprobs_;
    std::uint64_t texts_ = 0;
    std::optional<Tokens> said_;
};

}  // namespace headrace::upstreams

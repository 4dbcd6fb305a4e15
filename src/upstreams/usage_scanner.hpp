#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "upstreams/dialer.hpp"
#include "upstreams/fault.hpp"

namespace headrace {
class JsonMembers;
}

namespace headrace::upstreams {

/// What an answer's `usage` object says, whatever names it uses; absent numbers stay unset.
Tokens tokens_of(std::string_view usage);

/// The failure that a body tells of though its status is 200: OpenAI's {"error": …} or FastChat's
/// {"object": "error"}. `secret` is cut out of the message.
std::optional<CallError> error_in(const JsonMembers& members, std::string_view secret);
/// The message of an error body, for people, bounded; empty where there is none.
std::string message_in(std::string_view body, std::string_view secret);
/// Replaces every occurrence of a secret.
std::string without_secret(std::string text, std::string_view secret);

/// Watches the events of an OpenAI stream go by. Each is checked to be JSON; only what matters is
/// looked at any closer.
class UsageScanner {
  public:
    enum class Verdict : std::uint8_t {
        pass,
        drop,  // a usage frame that only we asked for
        done,  // the end of the stream; to be passed on
        bad    // error() says why
    };

    /// `usage_wanted`: the caller asked for usage frames himself.
    UsageScanner(bool usage_wanted, std::string_view secret)
        : usage_wanted_(usage_wanted), secret_(secret) {}

    Verdict take(std::string_view data);

    /// Says what the usage frame said, else the events that carried text.
    [[nodiscard]] Tokens tokens() const;
    /// An event named the reason why the answer ended.
    [[nodiscard]] bool finished() const { return finished_; }
    [[nodiscard]] const CallError& error() const { return error_; }

  private:
    Verdict bad(CallError error);
    Verdict take_usage(const JsonMembers& members);
    /// Whether the event is the last one that was learned, with another text in its place: then it
    /// is as sound, and says the same.
    [[nodiscard]] bool repeats(std::string_view data) const;
    /// `text`: from the string in `data` on that brings the text.
    void learn(std::string_view data, std::string_view text);

    bool usage_wanted_;
    std::string_view secret_;  // outlives the call
    bool finished_ = false;
    bool first_ = true;
    std::uint64_t texts_ = 0;
    std::optional<Tokens> said_;
    std::string before_;  // of the event that was learned: up to its text, and from there on
    std::string after_;
    CallError error_;
};

}  // namespace headrace::upstreams

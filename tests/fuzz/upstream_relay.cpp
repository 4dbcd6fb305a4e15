// An event stream of an upstream on its way to a caller: joined into parts, usage taken out. Held
// against the plain way of doing it, event by event.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "upstreams/event_relay.hpp"

namespace {

using namespace headrace;
using namespace headrace::upstreams;

constexpr std::size_t kMostEvent = 4'096;

void require(bool holds) {
    if (!holds) std::abort();
}

/// Takes what it is given until it has had enough.
class Taker final : public CallSink {
  public:
    explicit Taker(std::size_t most) : most_(most) {}
    bool append(std::string_view, std::string_view) override { return false; }
    bool pass_on(std::string_view output, std::string_view part) override {
        require(output == "response" && !part.empty());
        require(part.ends_with("\n\n") || part.ends_with("\n\r\n") || part == "\n" ||
                part == "\r\n");
        all += part;
        return all.size() <= most_;
    }
    asio::awaitable<void> room() override { co_return; }
    std::string all;

  private:
    std::size_t most_;
};

struct Passed {
    std::string all;
    EventRelay::Verdict verdict = EventRelay::Verdict::more;
    bool whole = false;
    Tokens tokens;
};

Passed relayed(std::string_view stream, std::size_t step, bool usage_wanted, std::size_t most) {
    EventRelay relay(usage_wanted, "secret", kMostEvent);
    Taker taker(most);
    Passed passed;
    for (std::size_t at = 0; at < stream.size() && passed.verdict == EventRelay::Verdict::more;
         at += step) {
        passed.verdict = relay.take(std::string(stream.substr(at, step)), taker);
    }
    if (passed.verdict == EventRelay::Verdict::broken) require(!relay.error().message.empty());
    passed.all = taker.all;
    passed.whole = relay.whole();
    passed.tokens = relay.tokens();
    return passed;
}

/// One event at a time, in pieces that are events.
Passed plain(std::string_view stream, bool usage_wanted) {
    EventScanner events(kMostEvent);
    UsageScanner usage(usage_wanted, "secret");
    Passed passed;
    events.feed(std::string(stream));
    while (passed.verdict == EventRelay::Verdict::more) {
        const auto event = events.next();
        if (!event) break;
        switch (usage.take(event->data)) {
            case UsageScanner::Verdict::bad:
                passed.verdict = EventRelay::Verdict::broken;
                break;
            case UsageScanner::Verdict::done:
                passed.verdict = EventRelay::Verdict::done;
                passed.all += event->text;
                break;
            case UsageScanner::Verdict::pass:
                passed.all += event->text;
                break;
            case UsageScanner::Verdict::drop:
                break;
        }
    }
    if (events.too_large()) passed.verdict = EventRelay::Verdict::broken;
    passed.tokens = usage.tokens();
    return passed;
}

bool same(const Tokens& a, const Tokens& b) {
    return a.prompt == b.prompt && a.completion == b.completion && a.cached == b.cached;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const bool usage_wanted = (data[0] & 1) != 0;
    const std::size_t step = data[0] / 2 + 1U;
    const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto expected = plain(stream, usage_wanted);
    for (const std::size_t each : {step, std::size_t{1}, stream.size()}) {
        const auto passed = relayed(stream, each, usage_wanted, stream.size());
        require(passed.all == expected.all && passed.verdict == expected.verdict);
        require(same(passed.tokens, expected.tokens));
    }
    const auto little = relayed(stream, step, usage_wanted, expected.all.size() / 2);
    require(expected.all.starts_with(little.all));
    if (expected.all.size() > 1) require(little.verdict != EventRelay::Verdict::more);
    return 0;
}

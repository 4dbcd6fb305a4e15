#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "../random.hpp"
#include "referee.hpp"

namespace headrace::sim_upstreams {

/// What a simulated server does with whoever asks it.
enum class Mood : std::uint8_t {
    fine,
    dead,     // fails everything, probes too
    deaf,     // answers probes only
    locked,   // does not take our key
    busy,     // asks to be left alone for a while
    gone,     // does not have the model
    breaks,   // after a part of the answer
    hangs,    // never says anything
    throws,   // makes the dialer throw
    refuses,  // what the caller sent
    count,
};

struct Site {
    Mood mood = Mood::fine;
    int retry_after_s = 0;
    std::uint32_t slow_ms = 20;
};

/// Stands for the wire: does to each call what its server's mood says, and tells the referee.
class SimDialer final : public Dialer {
  public:
    SimDialer(asio::io_context& io, sim::Random& random, Referee& referee,
              std::map<std::string, Site>& sites)
        : io_(io), random_(random), referee_(referee), sites_(sites) {}

    [[nodiscard]] Result<catalog::Interface> interface_of(catalog::Profile profile) const override;
    asio::awaitable<CallResult<CallAnswer>> call(Line& line, const Call& call,
                                                 CallSink& sink) override;
    asio::awaitable<CallResult<ProbeAnswer>> probe(Line& line) override;

  private:
    /// Goes on after a while, or at once when the call is dropped.
    asio::awaitable<void> rest(Abort& abort, milliseconds time);
    asio::awaitable<CallResult<CallAnswer>> answer(Line& line, const VisitPtr& visit,
                                                   CallSink& sink);
    [[nodiscard]] CallResult<CallAnswer> refusal(const Site& site) const;

    asio::io_context& io_;
    sim::Random& random_;
    Referee& referee_;
    std::map<std::string, Site>& sites_;
    std::uint64_t answers_ = 0;
};

}  // namespace headrace::sim_upstreams

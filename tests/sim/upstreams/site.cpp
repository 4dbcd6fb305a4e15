#include "site.hpp"

#include <stdexcept>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "upstreams/openai_interface.hpp"
#include "upstreams/outside.hpp"

namespace headrace::sim_upstreams {
namespace {

constexpr milliseconds kLong{500};

CallResult<CallAnswer> dropped() {
    return call_failed(Fault::cancelled, "cancelled", "dropped");
}

}  // namespace

Result<catalog::Interface> SimDialer::interface_of(catalog::Profile profile) const {
    return openai_interface(profile);
}

asio::awaitable<void> SimDialer::rest(Abort& abort, milliseconds time) {
    if (abort.tripped()) co_return;
    Timer timer(io_);
    abort.hold([&timer] { timer.cancel(); });
    timer.expires_after(time);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    abort.release();
}

CallResult<CallAnswer> SimDialer::refusal(const Site& site) const {
    switch (site.mood) {
        case Mood::locked:
            return call_failed(Fault::credentials, "unavailable", "it refuses our key");
        case Mood::busy:
            return call_failed(Fault::busy, "unavailable", "busy", site.retry_after_s);
        case Mood::gone:
            return call_failed(Fault::model, "unavailable", "no such model");
        case Mood::refuses:
            return call_failed(Fault::request, "invalid_argument", "that is no request");
        default:
            return call_failed(Fault::server, "unavailable", "broke");
    }
}

asio::awaitable<CallResult<CallAnswer>> SimDialer::answer(Line& line, const VisitPtr& visit,
                                                          CallSink& sink) {
    const std::string name = line.upstream->name;
    co_await rest(line.abort, random_.between(1, 2 * sites_[name].slow_ms));
    while (sites_[name].mood == Mood::hangs && !line.abort.tripped()) {
        co_await rest(line.abort, kLong);
    }
    if (line.abort.tripped()) co_return dropped();
    const bool well = sites_[name].mood == Mood::fine || sites_[name].mood == Mood::breaks;
    if (sites_[name].mood == Mood::throws) throw std::runtime_error("the dialer is broken");
    if (!well) co_return refusal(sites_[name]);
    const std::uint32_t parts = 1 + random_.below(4);
    for (std::uint32_t i = 0; i < parts; ++i) {
        const std::string part = name + '#' + std::to_string(++answers_) + ';';
        if (!sink.append("text", part)) co_return dropped();
        referee_.part(visit, part);
        if (!sink.has_room()) co_await sink.room();
        co_await rest(line.abort, random_.between(1, 2 * sites_[name].slow_ms));
        if (line.abort.tripped()) co_return dropped();
        const Mood mood = sites_[name].mood;
        if (mood == Mood::breaks || mood == Mood::dead) {
            co_return call_failed(Fault::server, "unavailable", "broke off");
        }
    }
    CallAnswer all;
    all.tokens.completion = parts;
    co_return all;
}

asio::awaitable<CallResult<CallAnswer>> SimDialer::call(Line& line, const Call& call,
                                                        CallSink& sink) {
    const auto visit = referee_.call_begins(line.upstream, call.job, line.abort);
    CallResult<CallAnswer> got = dropped();
    bool threw = false;
    try {
        got = co_await answer(line, visit, sink);
    } catch (const std::runtime_error&) {
        threw = true;
    }
    std::optional<Fault> fault;
    if (threw) fault = Fault::request;
    if (!threw && !got) fault = got.error().fault;
    // What a dropped call says of its server is known to the room alone.
    if (line.abort.tripped()) fault = Fault::cancelled;
    referee_.call_ends(visit, fault, got ? 0 : got.error().retry_after_s);
    if (threw) throw std::runtime_error("the dialer is broken");
    co_return got;
}

asio::awaitable<CallResult<ProbeAnswer>> SimDialer::probe(Line& line) {
    const std::string name = line.upstream->name;
    const auto visit = referee_.probe_begins(name);
    co_await rest(line.abort, random_.between(1, 2 * sites_[name].slow_ms));
    CallResult<ProbeAnswer> answer = ProbeAnswer{};
    std::optional<Fault> fault;
    if (sites_[name].mood == Mood::dead || sites_[name].mood == Mood::hangs) fault = Fault::server;
    if (sites_[name].mood == Mood::locked) fault = Fault::credentials;
    if (fault) {
        answer = call_failed(*fault, "unavailable", "the probe came to nothing");
    } else if (random_.chance(30)) {
        answer->load = random_.below(8);
    }
    referee_.probe_ends(visit, fault, answer ? answer->load : std::nullopt);
    co_return answer;
}

}  // namespace headrace::sim_upstreams

#include "upstreams/event_relay.hpp"

#include <utility>

namespace headrace::upstreams {

EventRelay::Verdict EventRelay::take(std::string piece, CallSink& sink) {
    using Seen = UsageScanner::Verdict;
    events_.feed(std::move(piece));
    std::string_view run;  // events that follow one another
    bool wanted = true;
    bool done = false;
    bool broken = false;
    while (auto event = events_.next()) {
        const auto seen = usage_.take(event->data);
        broken = seen == Seen::bad;
        done = seen == Seen::done;
        if (broken) break;
        if (seen == Seen::drop) {
            if (!run.empty()) wanted = sink.pass_on("response", run) && wanted;
            run = {};
            continue;
        }
        run = run.empty() ? event->text
                          : std::string_view(run.data(), run.size() + event->text.size());
        if (done) break;
    }
    if (!run.empty()) wanted = sink.pass_on("response", run) && wanted;
    if (broken || events_.too_large()) return Verdict::broken;
    if (!wanted) return Verdict::unwanted;
    return done ? Verdict::done : Verdict::more;
}

const CallError& EventRelay::error() const {
    static const CallError kTooLarge{Fault::server, "engine_failed",
                                     "an event of the upstream's stream is too large", 0, {}};
    return events_.too_large() ? kTooLarge : usage_.error();
}

}  // namespace headrace::upstreams

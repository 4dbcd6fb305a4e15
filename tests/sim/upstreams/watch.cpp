// Referee: what must hold at every instant, and at the end.
#include <algorithm>

#include <fmt/format.h>

#include "referee.hpp"

namespace headrace::sim_upstreams {
namespace {

constexpr milliseconds kFirst{1'000};  // the circuit's times, as the room's README has them
constexpr milliseconds kMost{60'000};
constexpr milliseconds kAtOnce{2'000};  // with nobody up
constexpr milliseconds kPromptly{300};  // with somebody free
constexpr milliseconds kInTurn{2'000};  // the same, behind others in the core's queue
constexpr milliseconds kMoment{2};      // in which a server is taken from the store
constexpr milliseconds kSlack{3'000};   // of a sweep, and of a look at the total time

bool is_shut(Health health) {
    return health == Health::open || health == Health::half_open;
}

}  // namespace

void Referee::see(Known& server, Health health) {
    const Health before = std::exchange(server.seen, health);
    if (before != health) note(to_string(health), server.spec->name);
    if (is_shut(before) != is_shut(health)) server.changed_at = now();
    if (health != Health::open || before == Health::open) return;
    const auto doubled = kFirst * (1LL << std::min(server.openings++, 16U));
    // With jitter it is at least half of it; a millisecond for rounding.
    const auto least = std::min<milliseconds>(doubled, kMost) / 2 - milliseconds(1);
    server.shut_until = std::max(server.shut_until, now() + least);
}

void Referee::see() {
    for (const auto& view : views_()) {
        const auto known = find(view.spec->name);
        if (known && known->spec == view.spec) see(*known, view.health);
    }
}

void Referee::look_at(const Known& server, const UpstreamView& view) {
    const bool starting = view.health == Health::starting;
    if (starting && now() >= server.awaited_until) {
        violation(fmt::format("{} is awaited longer than it may be", view.spec->name));
    }
    if (server.must_be_shut && !is_shut(view.health) && !starting) {
        violation(fmt::format("{} fails everything, and its circuit is closed", view.spec->name));
    }
    if (server.must_open && !is_shut(view.health)) {
        violation(fmt::format("{} refuses our key, and its circuit is closed", view.spec->name));
    }
    if (view.in_flight != server.running) {
        violation(fmt::format("{} has {} calls and is said to have {}", view.spec->name,
                              server.running, view.in_flight));
    }
    const bool beats = server.spec->option("check_heart_beat") == "true";
    if (beats && now() - server.heard_at > expire_ + kSlack) {
        violation(fmt::format("{} beats no more and is still there", view.spec->name));
    }
    if (!server.spec->enabled || (view.health != Health::up && !starting)) return;
    for (const auto& model : server.spec->models) somebody_up_[model.id] = now();
}

bool Referee::offered(const std::string& model) const {
    return std::any_of(servers_.begin(), servers_.end(), [&](const auto& each) {
        return each.second->spec->model(model) != nullptr;
    });
}

void Referee::look_at(Story& story) {
    if (story.visit) {
        story.idle_since.reset();
        const auto& visit = *story.visit;
        if (now() - visit.began > visit.spec->timeouts.total + kSlack) {
            violation(fmt::format("a call of {} takes longer than it may", visit.spec->name));
        }
        return;
    }
    const auto since = std::max(somebody_up_[story.model], story.changed_at);
    if (!story.durable && now() - since > kAtOnce) {
        violation("nobody is up, and the caller is not told");
    }
    // In the pool or still in the core's queue, where durable ones may stand behind a pause.
    const bool ready = story.running || !story.durable;
    const bool free = ready && std::any_of(servers_.begin(), servers_.end(), [&](const auto& each) {
                          return could_go(*each.second, story);
                      });
    if (!free) {
        story.idle_since.reset();
    } else if (!story.idle_since) {
        story.idle_since = now();
    } else if (now() - *story.idle_since > (story.running ? kPromptly : kInTurn)) {
        violation("a call waits although a server is free");
    }
}

void Referee::look() {
    see();
    const auto views = views_();
    std::set<std::string> there;
    for (const auto& view : views) {
        there.insert(view.spec->name);
        const auto known = find(view.spec->name);
        if (!known) continue;
        look_at(*known, view);
        known->must_open = false;
    }
    std::vector<std::string> gone;
    for (const auto& [name, server] : servers_) {
        if (!there.contains(name)) gone.push_back(name);
    }
    for (const auto& name : gone) {
        // Nobody asked for it, so it was a worker that was silent.
        const auto known = find(name);
        const bool late = now() - known->late_at < kMoment;
        if (!late && now() - known->heard_at < expire_) {
            violation(fmt::format("{} was dropped although it beats", name));
        }
        removed(name);
    }
    for (const auto& id : open_) look_at(stories[id]);
}

void Referee::check_end() {
    for (const auto& view : views_()) {
        const auto known = find(view.spec->name);
        if (!known || known->running > 0 || view.in_flight > 0) {
            violation(fmt::format("{} still has calls at rest", view.spec->name));
        }
        if (view.spec->enabled && view.health != Health::up) {
            violation(fmt::format("{} is well again and stays {}", view.spec->name,
                                  to_string(view.health)));
        }
    }
    for (const auto& id : open_) {
        if (offered(stories[id].model)) violation("a job has not ended at rest");
    }
}

}  // namespace headrace::sim_upstreams

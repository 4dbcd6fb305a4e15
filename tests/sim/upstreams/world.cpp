#include "world.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/task_group.hpp"
#include "protocols/fastchat/worker_address.hpp"
#include "upstreams/outside.hpp"

namespace headrace::sim_upstreams {
namespace {

constexpr milliseconds kBeat{3'000};
constexpr milliseconds kSweep{1'000};
constexpr std::uint32_t kLatest = 14'000;  // ms until a worker that registered listens

}  // namespace

World::World(std::uint64_t seed, bool trace)
    : random(seed),
      referee(time, [this] { return room_.list(tenant_, true); }),
      trace_(trace),
      ids_(time, seed),
      log_(disk_, time,
           stores::DiskBehaviour{[this] { return random.between_us(100, 2'000); }, nullptr}),
      catalog_(time, nullptr),
      core_(jobs::Settings{}, time, ids_, log_, observer_),
      store_(time),
      room_({loop_, core_, blobs_, catalog_, fetch_, store_, metrics_, time, ids_}, {}),
      registry_(room_, time, fastchat_) {
    referee.note = [this](std::string_view what, std::string_view of) { note(what, of); };
    fastchat_.expire = milliseconds(9'000);
    referee.set_expire(fastchat_.expire);
    Timer::after = [this](nanoseconds delay, UniqueFunction<void()> call) {
        time.after(delay, std::move(call));
    };
    room_.speak(Kind::openai, std::make_unique<SimDialer>(loop_.io(), random, referee, sites_));
    room_.speak(Kind::fastchat, std::make_unique<SimDialer>(loop_.io(), random, referee, sites_));
    room_.start();
    const std::uint32_t count = 1 + random.below(4);
    for (std::uint32_t i = 0; i < count; ++i) put(new_spec("s" + std::to_string(i)));
    const std::uint32_t workers = random.chance(60) ? 1 + random.below(3) : 0;
    for (std::uint32_t i = 0; i < workers; ++i) {
        Worker worker;
        worker.name = "http://10.0.0." + std::to_string(i + 1) + ":21002";
        worker.upstream = fastchat::upstream_name_of(worker.name);
        workers_.push_back(std::move(worker));
    }
    for (std::uint32_t i = 0; i < workers; ++i) beat(i);
    sweep();
    run_for(milliseconds(20));
}

World::~World() {
    closed_ = true;
    if (!stop()) referee.violation("the room does not end");
    log_.crash(false);
}

void World::note(std::string_view what, std::string_view of) {
    const auto add = [this](std::uint64_t value) {
        digest_ = (digest_ ^ value) * 1099511628211ULL;
    };
    const auto ns = static_cast<std::uint64_t>(time.now().time_since_epoch().count());
    add(ns);
    for (const char c : what) add(static_cast<std::uint8_t>(c));
    for (const char c : of) add(static_cast<std::uint8_t>(c));
    if (trace_) fmt::print("{:>12.3f} {} {}\n", static_cast<double>(ns) / 1e6, what, of);
}

/// Everything of this instant.
void World::settle() {
    while (loop_.io().poll() > 0) {
    }
    referee.look();
}

void World::run_for(milliseconds duration) {
    const SteadyTime until = time.now() + duration;
    while (!referee.failed()) {
        settle();
        const SteadyTime tick = core_.next_deadline().value_or(SteadyTime::max());
        if (std::min(tick, time.next()) > until) break;
        if (time.next() <= tick) {
            time.step();
        } else {
            time.move_to(std::max(tick, time.now()));
            core_.tick();
        }
    }
    if (!referee.failed()) time.move_to(until);
}

bool World::stop() {
    bool ended = false;
    TaskGroup tasks(loop_.io().get_executor());
    auto stop_room = [](Upstreams& room, bool& over) -> asio::awaitable<void> {
        co_await room.stop();
        over = true;
    };
    tasks.spawn("stop", stop_room(room_, ended));
    while (loop_.io().poll() > 0) {
    }
    return ended;
}

void World::clear_up() {
    note("calm", "");
    for (auto& [name, site] : sites_) {
        site = Site{};
        referee.mood(name, false);
    }
    for (auto& worker : workers_) worker.alive = true;
    for (const auto& view : room_.list(tenant_, true)) {
        // One that is never probed learns of its health by a call alone.
        auto spec = *view.spec;
        spec.probe_every = milliseconds(1'000);
        spec.enabled = true;
        put(std::move(spec));
    }
}

void World::last_calls() {
    std::size_t known = jobs_.size();
    for (const char* model : {"m0", "m1", "f"}) {
        if (catalog_.snapshot()->resolve_model(tenant_, model)) submit(model, false, true);
    }
    run_for(milliseconds(10'000));
    for (; known < jobs_.size() && !referee.failed(); ++known) {
        if (!referee.stories[jobs_[known]].succeeded) referee.violation("a last call failed");
    }
}

void World::check_end() {
    referee.check_end();
    const auto counts = core_.counts();
    if (counts.running > 0) referee.violation("the core has jobs that run at rest");
    note("visits", std::to_string(referee.visits));
}

// --- FastChat workers ----------------------------------------------------------------------------

void World::enroll(Worker& worker) {
    fastchat::Registration registration;
    registration.worker_name = worker.name;
    registration.base_url = worker.name;
    registration.status.models = {"f"};
    registration.status.queue_length = random.below(4);
    const double load = registration.status.queue_length;
    const bool late = random.chance(60);
    note(late ? "registers before it listens" : "registers", worker.upstream);
    if (late) sites_[worker.upstream].mood = Mood::dead;
    registry_.add(std::move(registration), [this, &worker, load, late](Result<void> added) {
        if (!added) return referee.violation("a worker may not register");
        worker.registered = true;
        const auto view = room_.find(tenant_, worker.upstream);
        if (!view) return referee.violation("a worker that registered is not there");
        referee.placed(view->spec);
        referee.heard(worker.upstream, load);
        if (view->health != Health::paused) referee.registered(worker.upstream);
        if (late) listen_later(worker);
    });
}

void World::listen_later(Worker& worker) {
    const milliseconds in(1 + random.below(kLatest));
    referee.deaf_until(worker.upstream, time.now() + in);
    time.after(in, [this, &worker, start = ++worker.starts] {
        Site& site = sites_[worker.upstream];
        if (closed_ || start != worker.starts || !worker.alive || site.mood != Mood::dead) return;
        note("listens", worker.upstream);
        site = Site{};
        referee.mood(worker.upstream, false);
    });
}

/// Beats as long as the run goes on; dead, it only waits to be alive again.
void World::beat(std::size_t which) {
    Worker& worker = workers_[which];
    if (worker.alive) {
        const double load = random.below(4);
        const bool there = room_.find(tenant_, worker.upstream).has_value();
        if (worker.registered && !registry_.beat(worker.name, load)) worker.registered = false;
        if (worker.registered && !there) {
            referee.violation("a worker that is not known is not told so");
        }
        if (worker.registered)
            referee.heard(worker.upstream, load);
        else
            enroll(worker);
    }
    time.after(kBeat, [this, which] {
        if (!closed_) beat(which);
    });
}

void World::sweep() {
    registry_.sweep();
    time.after(kSweep, [this] {
        if (!closed_) sweep();
    });
}

void World::disturb_worker() {
    if (workers_.empty()) return;
    auto& worker = workers_[random.below(static_cast<std::uint32_t>(workers_.size()))];
    worker.alive = !worker.alive;
    note(worker.alive ? "worker lives" : "worker is silent", worker.upstream);
    auto& site = sites_[worker.upstream];
    site.mood = worker.alive ? Mood::fine : Mood::dead;
    referee.mood(worker.upstream, !worker.alive);
}

}  // namespace headrace::sim_upstreams

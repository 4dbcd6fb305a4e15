#include "world.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/version.hpp"

namespace headrace::sim {
namespace {

constexpr milliseconds kBeat{1'000};

Settings settings_from(Random& random) {
    Settings settings;
    settings.max_queued_per_capability = random.chance(30) ? 8 : 1'000;
    settings.resident_input_bytes = random.chance(50) ? 1'000 : 1 << 20;
    settings.session_window = 64;
    settings.keep_ended = random.between(100, 5'000);
    settings.cancel_grace = milliseconds(1'000);
    settings.max_events_per_job = random.chance(20) ? 3 : 1'000;
    settings.max_ends_under_way = random.chance(30) ? 1 : 512;
    return settings;
}

Weather weather_from(Random& random) {
    Weather weather;
    weather.actions = 40 + random.below(80);
    weather.pause_ms = random.chance(50) ? 20 : 150;
    weather.server_crashes = random.chance(40) ? 1 + random.below(2) : 0;
    weather.disk_fails_percent = random.chance(30) ? 5 + random.below(30) : 0;
    weather.disk_slow_us = random.chance(20) ? 50'000 : 2'000;
    weather.poison = random.chance(60);
    weather.lies = random.chance(40);
    return weather;
}

VersionPtr version_from(Random& random, std::uint32_t number) {
    auto version = std::make_shared<catalog::Version>();
    version->id.value = number;
    version->tenant = TenantId("system");
    version->name = "v" + std::to_string(number);
    version->limits.max_batch = random.chance(50) ? 1 + random.below(6) : 1;
    version->limits.max_wait_ms = random.chance(50) ? random.below(60) : 0;
    version->limits.stall_timeout_ms = random.chance(30) ? 3'000 : 0;
    version->limits.cancel_grace_ms = 500;
    return version;
}

}  // namespace

World::World(std::uint64_t seed, bool trace)
    : random(seed),
      weather(weather_from(random)),
      settings(settings_from(random)),
      ids(time, seed),
      referee(time, disk, settings),
      trace_(trace) {
    const std::uint32_t count = 1 + random.below(3);
    for (std::uint32_t i = 1; i <= count; ++i) versions.push_back(version_from(random, i));
    start_server();
    const std::uint32_t workers = 1 + random.below(4);
    for (std::uint32_t i = 0; i < workers; ++i) {
        processes.push_back(nullptr);
        spawn(i);
    }
    heartbeats();
}

World::~World() {
    if (log) log->crash(false);
    core.reset();
    // Frames that a process keeps for its next connection hold the process itself.
    for (const auto& process : graveyard_) process->forget_frames();
    for (const auto& process : processes) process->forget_frames();
}

void World::note(std::string_view what, const Uuid& id) {
    const auto add = [this](std::uint64_t value) {
        digest_ = (digest_ ^ value) * 1099511628211ULL;
    };
    const auto ns = static_cast<std::uint64_t>(time.now().time_since_epoch().count());
    add(ns);
    for (const char c : what) add(static_cast<std::uint8_t>(c));
    for (const std::uint8_t byte : id.bytes) add(byte);
    if (!trace_) return;
    fmt::print("{:>12.3f} {} {}\n", static_cast<double>(ns) / 1e6, what,
               id.is_nil() ? std::string() : id.text().substr(24));
}

Process::Nature World::nature() {
    Process::Nature nature;
    nature.remote = random.chance(50);
    nature.stubborn = !calm && random.chance(15);
    nature.liar = !calm && weather.lies && random.chance(50);
    nature.slots = 1 + random.below(3);
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (calm || random.chance(70)) nature.versions.push_back(i);
    }
    if (nature.versions.empty())
        nature.versions.push_back(random.below(static_cast<std::uint32_t>(versions.size())));
    return nature;
}

void World::spawn(std::size_t which) {
    if (processes[which]) graveyard_.push_back(processes[which]);
    processes[which] = std::make_shared<Process>(*this, nature());
    processes[which]->connect();
}

/// Once in a while every process says that it lives, and dead ones are replaced.
void World::heartbeats() {
    after(kBeat, [this] {
        if (closed_) return;
        for (std::size_t i = 0; i < processes.size(); ++i) {
            if (!processes[i]->alive())
                spawn(i);
            else
                processes[i]->heartbeat();
        }
        heartbeats();
    });
}

bool World::at_rest() const {
    const CoreCounts counts = core->counts();
    return counts.jobs == counts.ended && counts.writes == 0 && counts.flights == 0;
}

void World::shut_down() {
    closed_ = true;
    for (const auto& process : processes) process->leave();
}

void World::start_server() {
    ++life;
    note("server starts");
    log = std::make_unique<stores::MemoryJobLog>(
        disk, time,
        stores::DiskBehaviour{
            [this] { return random.between_us(100, calm ? 500 : weather.disk_slow_us); },
            [this] { return !calm && random.chance(weather.disk_fails_percent); }});
    core = std::make_unique<Core>(settings, time, ids, *log, referee);
    referee.server_started(life);
    const auto epoch = log->begin_epoch().value();
    const auto restored = core->restore(
        epoch, [this](const TenantId&, const std::string& name, const std::string&) -> VersionPtr {
            for (const auto& version : versions) {
                if (version->name == name) return version;
            }
            return nullptr;
        });
    if (!restored) throw std::logic_error("the memory log cannot be read");
}

void World::crash_server() {
    note("server crashes");
    log->crash(random.chance(50));
    core.reset();
    log.reset();
    referee.server_crashed();
    for (const auto& process : processes) process->server_gone();
}

void World::run_for(milliseconds duration) {
    const SteadyTime until = time.now() + duration;
    while (!referee.failed()) {
        const SteadyTime tick =
            core ? core->next_deadline().value_or(SteadyTime::max()) : SteadyTime::max();
        if (std::min(tick, time.next()) > until) break;
        if (time.next() <= tick) {
            time.step();
        } else {
            time.move_to(std::max(tick, time.now()));
            core->tick();
        }
    }
    if (!referee.failed()) time.move_to(until);
}

void World::stand_still() {
    if (!up() || referee.failed()) return;
    note("stands still");
    const WallMs from = time.wall();
    time.move_to(time.now() + random.between(100, 40'000));
    referee.stood_still(from, time.wall());
    core->tick();
}

void World::clear_up() {
    note("calm");
    calm = true;
    if (!up()) start_server();
    for (const auto& version : versions) {
        (void)core->pause(version, false);
        (void)core->drain_queue(version, false);
    }
    for (const auto& process : processes) process->behave();
    // Some version may have nobody left that serves it: one worker serves them all.
    processes.push_back(nullptr);
    spawn(processes.size() - 1);
}

}  // namespace headrace::sim

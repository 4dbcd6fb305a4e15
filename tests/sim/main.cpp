// The simulation of the job core: see README.md.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.hpp"
#include "callers.hpp"
#include "command.hpp"
#include "fairness.hpp"
#include "jobs/faults.hpp"

namespace headrace::sim {
namespace {

/// Two server starts in a row, callers and faults in between, then calm until nothing is left.
Outcome run_storm(std::uint64_t seed, bool trace) {
    World world(seed, trace);
    Callers callers(world);
    std::vector<std::uint32_t> crashes;
    for (std::uint32_t i = 0; i < world.weather.server_crashes; ++i) {
        crashes.push_back(world.random.below(world.weather.actions));
    }
    for (std::uint32_t i = 0; i < world.weather.actions && !world.referee.failed(); ++i) {
        callers.act();
        world.run_for(world.random.between(0, world.weather.pause_ms));
        if (world.random.chance(2)) world.stand_still();
        if (std::find(crashes.begin(), crashes.end(), i) == crashes.end() || world.referee.failed())
            continue;
        world.crash_server();
        callers.server_crashed();
        world.run_for(world.random.between(0, 1'500));
        world.start_server();
    }
    if (!world.referee.failed()) {
        world.clear_up();
        callers.say_goodbye();
    }
    for (int second = 0; second < 600 && !world.referee.failed() && !world.at_rest(); ++second) {
        world.run_for(milliseconds(1'000));
    }
    if (!world.referee.failed()) {
        world.shut_down();
        world.run_for(world.settings.keep_ended + milliseconds(60'000));
        world.referee.check_end(world.core->counts());
    }
    Outcome outcome;
    if (world.referee.failed()) outcome.violation = world.referee.first();
    outcome.digest = world.digest();
    return outcome;
}

Outcome run(std::uint64_t seed, bool trace) {
    if (seed % 10 != 0) return run_storm(seed, trace);
    Outcome outcome;
    outcome.violation = run_fairness(seed);
    return outcome;
}

struct Plant {
    jobs::Fault fault;
    std::string_view name;
};

constexpr Plant kPlants[] = {
    {jobs::Fault::late_result_accepted, "late-result-accepted"},
    {jobs::Fault::answer_before_write, "answer-before-write"},
    {jobs::Fault::finish_before_write, "finish-before-write"},
    {jobs::Fault::finish_not_retried, "finish-not-retried"},
    {jobs::Fault::crash_not_marked, "crash-not-marked"},
    {jobs::Fault::attempts_unlimited, "attempts-unlimited"},
    {jobs::Fault::usage_twice, "usage-twice"},
    {jobs::Fault::lost_worker_forgotten, "lost-worker-forgotten"},
    {jobs::Fault::ttl_not_armed, "ttl-not-armed"},
    {jobs::Fault::share_not_charged, "share-not-charged"},
    {jobs::Fault::held_forgotten, "held-forgotten"},
    {jobs::Fault::standstill_blamed, "standstill-blamed"},
    {jobs::Fault::batch_overflow, "batch-overflow"},
    {jobs::Fault::event_skipped, "event-skipped"},
    {jobs::Fault::attempt_not_awaited, "attempt-not-awaited"},
    {jobs::Fault::session_repeated, "session-repeated"},
    {jobs::Fault::body_not_compared, "body-not-compared"},
    {jobs::Fault::queue_unbounded, "queue-unbounded"},
    {jobs::Fault::job_leaked, "job-leaked"},
};
static_assert(std::size(kPlants) + 1 == static_cast<std::size_t>(jobs::Fault::count));

int main_of(const std::vector<std::string>& words) {
    Simulation simulation;
    simulation.about =
        "Simulates the job core with a virtual clock, disk and network, and holds it to its "
        "promises.";
    simulation.run = run;
    for (const Plant& plant : kPlants) {
        simulation.bugs.push_back(
            {plant.name, [fault = plant.fault] { jobs::planted_fault = fault; }});
    }
    return command(simulation, words);
}

}  // namespace
}  // namespace headrace::sim

int main(int argc, char** argv) {
    headrace::log::set_level(headrace::log::Level::off);
    return headrace::sim::main_of(std::vector<std::string>(argv + 1, argv + argc));
}

// The simulation of the pools of upstreams: see ../README.md.
#include <string>
#include <string_view>
#include <vector>

#include "../command.hpp"
#include "base/log.hpp"
#include "upstreams/faults.hpp"
#include "upstreams/outside.hpp"
#include "world.hpp"

namespace headrace::sim_upstreams {
namespace {

/// Callers, operators and faults; then calm until nothing is left, and a last call of each model.
sim::Outcome run(std::uint64_t seed, bool trace) {
    upstreams::simulated_chance = static_cast<std::uint32_t>(seed);
    sim::Outcome outcome;
    World world(seed, trace);
    const std::uint32_t actions = 60 + world.random.below(140);
    const std::uint32_t pause_ms = world.random.chance(50) ? 60 : 600;
    for (std::uint32_t i = 0; i < actions && !world.referee.failed(); ++i) {
        world.act();
        world.run_for(world.random.between(0, pause_ms));
    }
    if (!world.referee.failed()) world.clear_up();
    // The longest pause that a server asks for and the longest open time go by.
    world.run_for(milliseconds(150'000));
    if (!world.referee.failed()) world.last_calls();
    if (!world.referee.failed()) world.check_end();
    if (!world.stop()) world.referee.violation("the room does not end");
    if (world.referee.failed()) outcome.violation = world.referee.first();
    outcome.digest = world.digest();
    return outcome;
}

struct Named {
    Plant plant;
    std::string_view name;
};

constexpr Named kPlants[] = {
    {Plant::never_opens, "never-opens"},
    {Plant::many_trials, "many-trials"},
    {Plant::trial_forgotten, "trial-forgotten"},
    {Plant::back_off_constant, "back-off-constant"},
    {Plant::pause_ignored, "pause-ignored"},
    {Plant::pause_lost, "pause-lost"},
    {Plant::key_refusal_ignored, "key-refusal-ignored"},
    {Plant::probe_ends_back_off, "probe-ends-back-off"},
    {Plant::health_lost_on_change, "health-lost-on-change"},
    {Plant::probe_never_ends, "probe-never-ends"},
    {Plant::priority_ignored, "priority-ignored"},
    {Plant::weight_ignored, "weight-ignored"},
    {Plant::room_exceeded, "room-exceeded"},
    {Plant::tried_again, "tried-again"},
    {Plant::disabled_called, "disabled-called"},
    {Plant::credit_lost, "credit-lost"},
    {Plant::nobody_up_unsaid, "nobody-up-unsaid"},
    {Plant::no_failover, "no-failover"},
    {Plant::second_answer, "second-answer"},
    {Plant::cancel_unheard, "cancel-unheard"},
    {Plant::room_leaked, "room-leaked"},
    {Plant::waiter_forgotten, "waiter-forgotten"},
    {Plant::time_stays_over, "time-stays-over"},
    {Plant::retired_unwatched, "retired-unwatched"},
    {Plant::retired_takes_jobs, "retired-takes-jobs"},
    {Plant::last_server_unsaid, "last-server-unsaid"},
    {Plant::total_unwatched, "total-unwatched"},
    {Plant::beat_unheard, "beat-unheard"},
    {Plant::silent_worker_kept, "silent-worker-kept"},
    {Plant::stranger_known, "stranger-known"},
    {Plant::stuck_calls_counted, "stuck-calls-counted"},
    {Plant::start_unawaited, "start-unawaited"},
};
static_assert(std::size(kPlants) + 1 == static_cast<std::size_t>(Plant::count));

int main_of(const std::vector<std::string>& words) {
    sim::Simulation simulation;
    simulation.about =
        "Simulates the pools of upstreams over the job core with a virtual clock, servers with "
        "moods and FastChat workers, and holds them to their promises.";
    simulation.run = run;
    for (const Named& named : kPlants) {
        simulation.bugs.push_back(
            {named.name, [plant = named.plant] { upstreams::planted_bug = plant; }});
    }
    return sim::command(simulation, words);
}

}  // namespace
}  // namespace headrace::sim_upstreams

int main(int argc, char** argv) {
    headrace::log::set_level(headrace::log::Level::off);
    return headrace::sim_upstreams::main_of(std::vector<std::string>(argv + 1, argv + argc));
}

#pragma once

#include <map>
#include <memory>
#include <vector>

#include "plan.hpp"
#include "random.hpp"
#include "referee.hpp"

namespace headrace::sim {

class World;

/// One worker process with its link: honest, or not. It dies with poison, may freeze, lose its
/// link, ignore cancels, and say things that are not so. Dead ones are replaced by the world.
class Process : public std::enable_shared_from_this<Process> {
  public:
    struct Nature {
        bool remote = true;     // survives the server
        bool stubborn = false;  // ignores cancels
        bool liar = false;      // sends frames about leases it does not have
        std::uint32_t slots = 1;
        std::vector<std::size_t> versions;  // indexes into the world's
    };

    Process(World& world, Nature nature);

    void connect();
    void freeze(milliseconds duration);
    void break_link(milliseconds until_noticed, milliseconds until_back);
    void crash(std::optional<JobId> poison);
    void server_gone();
    void heartbeat();
    /// Goes for good.
    void leave();
    /// The world ends: nothing that was kept for another connection will be sent.
    void forget_frames();
    /// No more faults of its own from here on.
    void behave();
    /// It lives and has had the time to say so.
    [[nodiscard]] bool sound() const;
    [[nodiscard]] bool alive() const { return alive_; }
    [[nodiscard]] bool attached() const { return attached_; }
    [[nodiscard]] WorkerId id() const { return id_; }

  private:
    class Port;
    struct Run {
        JobId job;
        Fence fence;
        Plan plan;
        std::uint32_t attempt = 1;
        std::shared_ptr<std::uint32_t> batch_left;
        bool session = false;
    };

    // What arrives from the server, and what goes to it: delayed and in order. What was on its way
    // when the connection broke is sent again on the next, but for leases: the core gives those to
    // others.
    void arrive(UniqueFunction<void()> frame, bool again);
    void send(UniqueFunction<void(Core&)> frame);
    void deliver(std::uint32_t connection, UniqueFunction<void(Core&)> frame);

    void lease(std::vector<GrantBatch> batches);
    void start(const Grant& grant, const std::shared_ptr<std::uint32_t>& batch_left);
    void step(JobId job, Fence fence, std::size_t bytes, bool last);
    void cancel(JobId job, Fence fence);
    void finish(Fence fence);
    void end_run(Fence fence);
    void say_result(const Run& run, bool well);
    void say_failure(const Run& run, const std::string& code, bool retryable);
    void credit(std::uint32_t slots);
    void reattach();
    void lie();

    World& world_;
    Nature nature_;
    WorkerId id_;
    bool alive_ = true;
    bool attached_ = false;
    bool linked_ = false;
    bool disobeyed_ = false;  // has ignored a cancel
    std::uint32_t connection_ = 0;
    std::uint32_t busy_ = 0;  // slots
    SteadyTime frozen_until_{};
    SteadyTime linked_at_{};
    SteadyTime last_in_{};
    SteadyTime last_out_{};
    std::map<Fence, Run> runs_;
    std::vector<UniqueFunction<void()>> unreceived_;
    std::vector<UniqueFunction<void(Core&)>> unsent_;  // while the link is down; sent again after
};

}  // namespace headrace::sim

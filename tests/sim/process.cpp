#include "process.hpp"

#include "world.hpp"

namespace headrace::sim {

/// The hub's end of one connection. Frames for a connection that is gone are dropped.
class Process::Port final : public WorkerPort {
  public:
    Port(std::weak_ptr<Process> process, std::uint32_t connection)
        : process_(std::move(process)), connection_(connection) {}

    void lease(std::vector<GrantBatch> batches) override {
        const auto process = process_.lock();
        if (!process) return;
        World& world = process->world_;
        for (const GrantBatch& batch : batches) {
            for (const Grant& grant : batch.grants) world.note("lease", grant.job);
            world.note("  to", process->id_);
            world.referee.leased(process->id_, batch, *world.core);
        }
        if (process->connection_ != connection_) return;  // not held at reattach: the core knows
        process->arrive([process, batches = std::move(
                                      batches)]() mutable { process->lease(std::move(batches)); },
                        false);
    }
    void cancel(JobId job, Fence fence, CancelReason) override {
        if (const auto process = process_.lock()) {
            process->world_.note("cancel sent", job);
            to(process, [process, job, fence] { process->cancel(job, fence); });
        }
    }
    void input(JobId job, Fence fence, std::string values, bool last) override {
        if (const auto process = process_.lock()) {
            process->world_.referee.session_step(job);
            to(process, [process, job, fence, bytes = values.size(), last] {
                process->step(job, fence, bytes, last);
            });
        }
    }
    void output_taken(JobId, Fence, std::uint64_t) override {}
    void drain(bool) override {}
    void kill(std::string reason) override {
        if (const auto process = process_.lock()) {
            process->world_.note("kill", process->id_);
            const bool silent = reason.find("silent") != std::string::npos;
            if (silent && process->sound()) {
                process->world_.referee.violation("a worker that lives is taken for dead");
            }
            const bool disobeys = reason.find("did not stop") != std::string::npos;
            if (disobeys && process->sound() && !process->disobeyed_) {
                process->world_.referee.violation("a worker that obeys is taken for stubborn");
            }
            to(process, [process] { process->crash(std::nullopt); });
        }
    }

  private:
    void to(const std::shared_ptr<Process>& process, UniqueFunction<void()> frame) {
        if (process->connection_ == connection_)
            process->arrive(std::move(frame), true);
        else
            process->unreceived_.push_back(std::move(frame));
    }
    std::weak_ptr<Process> process_;
    std::uint32_t connection_;
};

Process::Process(World& world, Nature nature) : world_(world), nature_(std::move(nature)) {}

bool Process::sound() const {
    constexpr milliseconds kWhile{2'000};
    return alive_ && linked_ && std::max(linked_at_, frozen_until_) + kWhile < world_.time.now();
}

void Process::behave() {
    nature_.stubborn = nature_.liar = false;
}

void Process::forget_frames() {
    // Destroying a frame may destroy the process: the lists go first.
    const auto self = shared_from_this();
    std::exchange(unreceived_, {}).clear();
    std::exchange(unsent_, {}).clear();
}

void Process::arrive(UniqueFunction<void()> frame, bool again) {
    const SteadyTime soonest = world_.time.now() + world_.random.between_us(50, 3'000);
    last_in_ = std::max({last_in_, soonest, frozen_until_});
    world_.after(last_in_ - world_.time.now(), [self = shared_from_this(), connection = connection_,
                                                frame = std::move(frame), again]() mutable {
        if (self->alive_ && self->connection_ == connection)
            frame();
        else if (again)
            self->unreceived_.push_back(std::move(frame));
    });
}

void Process::send(UniqueFunction<void(Core&)> frame) {
    if (!linked_) return unsent_.push_back(std::move(frame));
    const SteadyTime soonest = world_.time.now() + world_.random.between_us(50, 3'000);
    last_out_ = std::max({last_out_, soonest, frozen_until_});
    world_.after(
        last_out_ - world_.time.now(),
        [self = shared_from_this(), connection = connection_, frame = std::move(frame)]() mutable {
            self->deliver(connection, std::move(frame));
        });
}

void Process::deliver(std::uint32_t connection, UniqueFunction<void(Core&)> frame) {
    if (!world_.up()) return;
    if (connection == connection_) return frame(*world_.core);
    if (alive_) send(std::move(frame));  // numbered on the link: sent again on the next connection
}

void Process::connect() {
    if (!alive_ || attached_) return;
    if (!world_.up()) {
        world_.after(milliseconds(200), [self = shared_from_this()] { self->connect(); });
        return;
    }
    WorkerProfile profile;
    profile.name = "p" + std::to_string(nature_.slots);
    profile.slots = nature_.slots;
    for (const std::size_t index : nature_.versions)
        profile.versions.push_back(world_.versions[index]);
    ++connection_;
    id_ = world_.core->attach(std::move(profile),
                              std::make_shared<Port>(weak_from_this(), connection_));
    world_.note("attach", id_);
    attached_ = linked_ = true;
    linked_at_ = world_.time.now();
    auto frames = std::exchange(unsent_, {});
    for (auto& frame : frames) send(std::move(frame));
    credit(nature_.slots - std::min(busy_, nature_.slots));
}

void Process::credit(std::uint32_t slots) {
    if (slots == 0) return;
    std::vector<std::uint32_t> all;
    for (std::uint32_t i = 0; i < nature_.versions.size(); ++i) all.push_back(i);
    send([id = id_, all = std::move(all), slots](Core& core) { core.credit(id, all, slots); });
}

void Process::heartbeat() {
    if (alive_ && attached_ && linked_) send([id = id_](Core& core) { core.heartbeat(id); });
}

void Process::lease(std::vector<GrantBatch> batches) {
    for (const GrantBatch& batch : batches) {
        const auto left =
            std::make_shared<std::uint32_t>(static_cast<std::uint32_t>(batch.grants.size()));
        ++busy_;
        for (const Grant& grant : batch.grants) start(grant, left);
    }
    if (nature_.liar && world_.random.chance(20)) lie();
}

void Process::start(const Grant& grant, const std::shared_ptr<std::uint32_t>& batch_left) {
    Run run{grant.job,     grant.fence, Plan::parse(grant.input->values),
            grant.attempt, batch_left,  grant.session};
    runs_[grant.fence] = run;
    if (run.session || run.plan.kind == Plan::kHang) return;
    const milliseconds duration(run.plan.ms);
    if (world_.random.chance(20)) {
        send([id = id_, run](Core& core) {
            (void)core.progress(id, run.job, run.fence, {0.1, "begun", ""});
            (void)core.output(id, run.job, run.fence, {"part", false});
            (void)core.log(id, run.job, run.fence, {"log", "line", 1});
        });
    }
    world_.after(duration, [self = shared_from_this(), fence = run.fence] {
        if (self->alive_) self->finish(fence);
    });
}

/// The engine is done with the run.
void Process::finish(Fence fence) {
    const SteadyTime now = world_.time.now();
    if (frozen_until_ > now) {
        world_.after(frozen_until_ - now,
                     [self = shared_from_this(), fence] { self->finish(fence); });
        return;
    }
    const auto at = runs_.find(fence);
    if (!alive_ || at == runs_.end()) return;
    const Run run = at->second;
    switch (run.plan.kind) {
        case Plan::kPoison:
            return crash(run.job);
        case Plan::kBad:
            say_failure(run, "bad_input", false);
            break;
        case Plan::kHopeless:
            say_failure(run, "busy", true);
            break;
        case Plan::kFlaky:
            if (run.attempt <= run.plan.times)
                say_failure(run, "busy", true);
            else
                say_result(run, true);
            break;
        default:
            say_result(run, true);
    }
    end_run(fence);
}

void Process::say_result(const Run& run, bool) {
    const bool twice = nature_.liar && world_.random.chance(10);
    for (int i = 0; i < (twice ? 2 : 1); ++i) {
        send([this, self = shared_from_this(), id = id_, run](Core& core) {
            Completion completion;
            completion.output.values = "out";
            completion.usage.engine_us = 1;
            world_.note("complete", run.job);
            world_.referee.released(id, run.fence);
            (void)core.complete(id, run.job, run.fence, std::move(completion));
        });
    }
}

void Process::say_failure(const Run& run, const std::string& code, bool retryable) {
    send([this, self = shared_from_this(), id = id_, run, code, retryable](Core& core) {
        JobError error;
        error.code = code;
        error.retryable = retryable;
        world_.note("fail", run.job);
        world_.referee.released(id, run.fence);
        (void)core.fail(id, run.job, run.fence, std::move(error), {});
    });
}

void Process::end_run(Fence fence) {
    const auto at = runs_.find(fence);
    if (at == runs_.end()) return;
    const auto left = at->second.batch_left;
    runs_.erase(at);
    if (--*left > 0) return;
    --busy_;
    credit(1);
}

void Process::step(JobId job, Fence fence, std::size_t bytes, bool last) {
    const auto at = runs_.find(fence);
    if (at == runs_.end()) return;
    send([id = id_, job, fence, bytes, last](Core& core) {
        (void)core.input_taken(id, job, fence, bytes);
        (void)core.output(id, job, fence, {"heard", last});
    });
    if (!last) return;
    say_result(at->second, true);
    end_run(fence);
}

void Process::cancel(JobId, Fence fence) {
    const auto at = runs_.find(fence);
    if (at == runs_.end()) return;
    disobeyed_ = disobeyed_ || nature_.stubborn;
    if (nature_.stubborn) return;
    say_failure(at->second, "cancelled", false);
    end_run(fence);
}

void Process::crash(std::optional<JobId> poison) {
    if (!alive_) return;
    world_.note(poison ? "crash by poison" : "crash", id_);
    alive_ = false;
    runs_.clear();
    if (world_.up() && attached_) {
        if (poison) world_.referee.crashed_by(id_, *poison);
        world_.after(world_.random.between(0, 5), [self = shared_from_this(), life = world_.life] {
            if (self->world_.up() && self->world_.life == life) {
                self->world_.core->detach(self->id_, "crashed");
            }
        });
    }
}

void Process::leave() {
    alive_ = false;
    if (world_.up() && attached_) world_.core->detach(id_, "left");
}

void Process::freeze(milliseconds duration) {
    if (!alive_) return;
    world_.note("freeze", id_);
    frozen_until_ = std::max(frozen_until_, world_.time.now() + duration);
}

void Process::break_link(milliseconds until_noticed, milliseconds until_back) {
    if (!alive_ || !attached_ || !linked_) return;
    world_.note("link lost", id_);
    linked_ = false;
    ++connection_;  // what is on its way to here is lost; what we sent is kept and sent again
    const std::uint32_t life = world_.life;
    world_.after(until_noticed, [self = shared_from_this(), life, connection = connection_] {
        World& world = self->world_;
        if (self->alive_ && world.up() && world.life == life && self->connection_ == connection) {
            world.core->link_lost(self->id_);
        }
    });
    world_.after(until_back, [self = shared_from_this(), connection = connection_] {
        if (self->alive_ && self->connection_ == connection) self->reattach();
    });
}

void Process::reattach() {
    if (!world_.up()) {
        world_.after(milliseconds(300), [self = shared_from_this(), connection = connection_] {
            if (self->alive_ && self->connection_ == connection) self->reattach();
        });
        return;
    }
    ++connection_;
    std::vector<Fence> held;
    std::vector<Fence> valid;
    for (const auto& [fence, run] : runs_) {
        held.push_back(fence);
        if (world_.core->holds(id_, run.job, fence)) valid.push_back(fence);
    }
    // The core forgets the leases that never got here, and we those that it does not know.
    world_.referee.reattached(id_, valid);
    auto dropped =
        world_.core->reattach(id_, std::make_shared<Port>(weak_from_this(), connection_), held);
    world_.note(dropped ? "reattach" : "reattach refused", id_);
    if (!dropped) {
        attached_ = false;
        return connect();
    }
    linked_ = true;
    linked_at_ = world_.time.now();
    for (const Fence& fence : *dropped) {
        const auto at = runs_.find(fence);
        if (at == runs_.end()) continue;
        if (--*at->second.batch_left == 0) --busy_;
        runs_.erase(at);
    }
    auto frames = std::exchange(unsent_, {});
    for (auto& frame : frames) send(std::move(frame));
    for (auto& frame : std::exchange(unreceived_, {})) arrive(std::move(frame), true);
    credit(nature_.slots - std::min(busy_, nature_.slots));
}

void Process::server_gone() {
    linked_ = attached_ = false;
    ++connection_;
    unreceived_.clear();
    if (!nature_.remote) {
        alive_ = false;
        runs_.clear();
    } else if (alive_) {
        world_.after(world_.random.between(50, 1'000),
                     [self = shared_from_this(), connection = connection_] {
                         if (self->alive_ && self->connection_ == connection) self->reattach();
                     });
    }
}

/// Frames about leases that it does not have, or has no more.
void Process::lie() {
    send([this, self = shared_from_this(), id = id_](Core& core) {
        if (world_.referee.stories.empty()) return;
        auto at = world_.referee.stories.begin();
        std::advance(
            at, world_.random.below(static_cast<std::uint32_t>(world_.referee.stories.size())));
        const Fence fence{world_.life, at->second.fence.counter + 1 + world_.random.below(3)};
        world_.note("lie", at->first);
        if (core.holds(id, at->first, fence)) return;
        Completion completion;
        completion.output.values = "forged";
        if (core.complete(id, at->first, fence, std::move(completion))) {
            world_.referee.violation("a forged result was taken");
        }
        if (core.progress(id, at->first, Fence{}, {}))
            world_.referee.violation("a forged progress was taken");
    });
}

}  // namespace headrace::sim

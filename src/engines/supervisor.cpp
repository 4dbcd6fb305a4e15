#include "engines/supervisor.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <boost/asio/steady_timer.hpp>

#include "base/log.hpp"
#include "engines/cgroup.hpp"
#include "engines/command.hpp"
#include "engines/process.hpp"
#include "engines/restart_policy.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"
#include "link/transport.hpp"

namespace headrace::engines {

using SpecPtr = std::shared_ptr<const catalog::EngineSpec>;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Keeps one host running, over all of its processes.
class Supervisor::Keeper : public std::enable_shared_from_this<Keeper> {
  public:
    Keeper(Supervisor& owner, SpecPtr engine, std::string name)
        : spec(std::move(engine)),
          owner_(&owner),
          name_(std::move(name)),
          timer_(owner.loop_.io()) {}

    void start_in(milliseconds delay) {
        timer_.expires_after(delay);
        timer_.async_wait([self = shared_from_this()](const auto& error) {
            if (!error && self->owner_ != nullptr && !self->stopping_) self->start();
        });
    }

    void ready() {
        ready_ = true;
        if (process_) process_->expect_ready(milliseconds(0));
    }

    void kill(const std::string& reason) {
        if (process_) process_->kill(reason);
    }

    void stop() {
        stopping_ = true;
        timer_.cancel();
        if (process_) process_->stop(owner_->settings_.stop_grace);
    }
    [[nodiscard]] bool has_stopped() const { return stopping_ && !process_; }

    /// The supervisor is going away: nothing is told any more, nothing lives on.
    void abandon() {
        owner_ = nullptr;
        timer_.cancel();
        if (process_) process_->kill("abandoned");
        process_.reset();  // it holds us, and lives until its end is seen or the loop's
    }

    [[nodiscard]] HostView view() const {
        return {name_, process_ ? process_->pid() : -1, ready_, restarts_};
    }

    const SpecPtr spec;
    std::uint64_t id = 0;  // of the process, 0 when there is none

  private:
    void start() {
        ready_ = false;
        began_ = Clock::now();
        auto start = start_for(*spec, owner_->settings_, name_);
        if (!start) return failed(start.error());
        auto command = command_for(*spec, owner_->settings_);
        if (!command) return failed(command.error());
        std::vector<Gpu> gpus;
        if (spec->gpus > 0) {
            auto taken = owner_->gpu_book().take(name_, {spec->gpus, spec->gpu_memory});
            if (!taken) return failed(taken.error());
            gpus = std::move(*taken);
            show_gpus(*command, gpus);
        }
        if (auto ok = enter_cgroup(*command); !ok) return failed(ok.error());
        auto spawned = spawn(*command);
        if (!spawned) return failed(spawned.error());
        id = ++owner_->last_id_;
        auto link = std::make_unique<link::Channel>(
            owner_->loop_, link::make_unix_transport(owner_->loop_, std::move(spawned->link)));
        process_ = std::make_shared<Process>(
            owner_->loop_, std::move(*spawned), name_,
            [self = shared_from_this()](const std::string& reason) { self->ended(reason); });
        process_->start();
        process_->limit_memory(spec->limits.memory_bytes, owner_->settings_.memory_poll);
        process_->expect_ready(milliseconds(spec->limits.start_timeout_ms));
        log::info("engine host started engine={} pid={}", name_, process_->pid());
        wire::Frame frame;
        *frame.mutable_start() = std::move(*start);
        link->send(frame);
        std::vector<std::string> words;
        for (const auto& gpu : gpus) words.push_back(describe(gpu));
        owner_->listener_.host_started(
            {id, name_, spec, process_->pid(), std::move(link), std::move(words)});
    }

    /// The group stays over the restarts; nothing of the last process is left in it.
    Result<void> enter_cgroup(Command& command) {
        const auto& parent = owner_->settings_.sandbox.cgroup;
        if (parent.empty()) return {};
        if (!cgroup_) {
            auto made = Cgroup::make(parent, name_, spec->limits.memory_bytes);
            if (!made) return fail(std::move(made.error()));
            cgroup_ = std::move(*made);
        }
        memory_kills_ = cgroup_->memory_kills();
        command.sandbox.cgroup = cgroup_->entrance();
        return {};
    }

    /// The kernel's own end of a process is a plain SIGKILL; the group knows why.
    std::string words_of(const std::string& reason) {
        if (!cgroup_) return reason;
        cgroup_->kill_all();
        if (cgroup_->memory_kills() == memory_kills_) return reason;
        return fmt::format("memory limit {} MiB passed", spec->limits.memory_bytes >> 20);
    }

    void failed(const Error& error) {
        // Told once in a row of failures: it is tried again and again.
        if (complaint_ != error.message) {
            log::error("engine host cannot start engine={} reason={}", name_, error.message);
        }
        complaint_ = error.message;
        again(false);
    }

    void ended(const std::string& how) {
        if (owner_ == nullptr) return;
        const auto reason = words_of(how);
        complaint_.clear();
        const pid_t pid = process_->pid();
        process_.reset();
        if (spec->gpus > 0) owner_->gpu_book().give_back(name_);
        const auto gone = std::exchange(id, 0);
        const bool was_ready = std::exchange(ready_, false);
        log::write(stopping_ ? log::Level::info : log::Level::warn,
                   fmt::format("engine host ended engine={} pid={} reason={}", name_, pid, reason));
        owner_->listener_.host_ended(gone, reason);
        if (owner_ == nullptr) return;
        if (stopping_)
            owner_->stopped_one();
        else
            again(was_ready);
    }

    void again(bool was_ready) {
        const auto lived = std::chrono::duration_cast<milliseconds>(Clock::now() - began_);
        ++restarts_;
        start_in(policy_.next(lived, was_ready));
    }

    Supervisor* owner_;
    const std::string name_;
    asio::steady_timer timer_;
    std::shared_ptr<Process> process_;
    std::unique_ptr<Cgroup> cgroup_;  // null: none is made, or not yet
    std::uint64_t memory_kills_ = 0;  // in it, when the process began
    RestartPolicy policy_;
    Clock::time_point began_{};
    std::string complaint_;
    std::uint32_t restarts_ = 0;
    bool ready_ = false;
    bool stopping_ = false;
};

Supervisor::Supervisor(Settings settings, Loop& loop, HostListener& listener)
    : settings_(std::move(settings)), loop_(loop), listener_(listener) {
    close_own_memory();
}

Supervisor::~Supervisor() {
    for (const auto& keeper : keepers_) keeper->abandon();
}

/// Asks the driver once: this blocks, for a second as a rule, and only where an engine wants a GPU.
GpuBook& Supervisor::gpu_book() {
    if (gpus_) return *gpus_;
    Result<std::vector<Gpu>> found = std::vector<Gpu>{};
    if (!settings_.gpu_tool.empty()) found = list_gpus(settings_.gpu_tool);
    if (!found) log::error("GPUs cannot be listed reason={}", found.error().message);
    gpus_.emplace(found ? std::move(*found) : std::vector<Gpu>{});
    for (const auto& gpu : gpus_->gpus()) {
        log::info("gpu found gpu={} uuid={} used_mib={}", describe(gpu), gpu.uuid,
                  gpu.memory_used >> 20);
    }
    return *gpus_;
}

void Supervisor::add(catalog::EngineSpec spec) {
    const auto shared = std::make_shared<const catalog::EngineSpec>(std::move(spec));
    for (std::uint32_t i = 0; i < shared->processes(); ++i) {
        auto name = settings_.name_prefix + shared->text() + '/' + std::to_string(i);
        keepers_.push_back(std::make_shared<Keeper>(*this, shared, std::move(name)));
        keepers_.back()->start_in(milliseconds(0));
    }
}

void Supervisor::remove(const std::string& capability, const std::string& version) {
    for (const auto& keeper : keepers_) {
        if (keeper->spec->capability == capability && keeper->spec->version == version)
            keeper->stop();
    }
    stopped_one();
}

void Supervisor::ready(std::uint64_t id) {
    for (const auto& keeper : keepers_) {
        if (keeper->id == id) keeper->ready();
    }
}

void Supervisor::kill(std::uint64_t id, const std::string& reason) {
    for (const auto& keeper : keepers_) {
        if (keeper->id == id) keeper->kill(reason);
    }
}

void Supervisor::stop(UniqueFunction<void()> done) {
    stopping_ = true;
    on_stopped_ = std::move(done);
    for (const auto& keeper : keepers_) keeper->stop();
    stopped_one();
}

void Supervisor::stopped_one() {
    std::erase_if(keepers_, [](const auto& keeper) { return keeper->has_stopped(); });
    if (stopping_ && keepers_.empty() && on_stopped_) {
        loop_.post(std::exchange(on_stopped_, nullptr));
    }
}

std::vector<Supervisor::HostView> Supervisor::hosts() const {
    std::vector<HostView> out;
    for (const auto& keeper : keepers_) out.push_back(keeper->view());
    return out;
}

}  // namespace headrace::engines

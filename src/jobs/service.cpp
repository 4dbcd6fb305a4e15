#include "jobs/service.hpp"

#include <mutex>
#include <unordered_map>
#include <utility>
#include <variant>

#include <boost/asio/steady_timer.hpp>

#include "base/await.hpp"

namespace headrace::jobs {

/// Calls tick() when the core's next deadline comes. On the core's loop.
class Service::Pulse : public std::enable_shared_from_this<Pulse> {
  public:
    Pulse(Core& core, Loop& loop) : core_(core), timer_(loop.io()) {}

    void start() {
        core_.on_deadline_moved([weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->arm();
        });
        arm();
    }

    void arm() {
        const auto next = core_.next_deadline();
        if (!next) return;
        timer_.expires_at(*next);
        timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (error || !self) return;
            self->core_.tick();
            self->arm();
        });
    }

  private:
    Core& core_;
    asio::steady_timer timer_;
};

/// Carries a watcher's events from the core's loop to the one it belongs to.
class Service::Relays : public std::enable_shared_from_this<Relays> {
  public:
    class Relay final : public JobWatcher, public std::enable_shared_from_this<Relay> {
      public:
        Relay(std::shared_ptr<JobWatcher> target, Loop& home, std::shared_ptr<Relays> all)
            : target_(std::move(target)),
              home_(home),
              all_(std::move(all)),
              wants_outputs_(target_->wants_outputs()) {}

        void on_event(const std::shared_ptr<const JobEvent>& event) override {
            home_.post([self = shared_from_this(), event] { self->deliver(event); });
        }
        [[nodiscard]] bool wants_outputs() const override { return wants_outputs_; }
        // The rest belongs to the home loop.
        void deliver(const std::shared_ptr<const JobEvent>& event) {
            if (!target_) return;
            const auto target = target_;
            const bool done = std::holds_alternative<DoneEvent>(event->what);
            if (done) {
                target_.reset();
                if (number_ != 0) all_->forget(number_);
            }
            target->on_event(event);
        }
        void let_go() { target_.reset(); }
        void set_number(std::uint64_t number) { number_ = number; }

      private:
        std::shared_ptr<JobWatcher> target_;
        Loop& home_;
        std::shared_ptr<Relays> all_;
        const bool wants_outputs_;
        std::uint64_t number_ = 0;
    };

    std::shared_ptr<Relay> make(std::shared_ptr<JobWatcher> target) {
        return std::make_shared<Relay>(std::move(target), *Loop::current(), shared_from_this());
    }
    void keep(std::uint64_t number, const std::shared_ptr<Relay>& relay) {
        relay->set_number(number);
        const std::lock_guard lock(mutex_);
        by_number_[number] = relay;
    }
    void forget(std::uint64_t number) {
        const std::lock_guard lock(mutex_);
        by_number_.erase(number);
    }
    std::shared_ptr<Relay> take(std::uint64_t number) {
        const std::lock_guard lock(mutex_);
        auto node = by_number_.extract(number);
        return node ? node.mapped().lock() : nullptr;
    }

  private:
    std::mutex mutex_;  // guards by_number_ only
    std::unordered_map<std::uint64_t, std::weak_ptr<Relay>> by_number_;
};

namespace {

/// Runs `call` with the core on its loop and brings what it hands to `done` back to the calling
/// one.
template <class T, class Call>
asio::awaitable<Result<T>> ask(Core& core, Loop& core_loop, Call call) {
    auto start = [&core, &core_loop, call = std::move(call)](Done<T> done) mutable {
        if (core_loop.is_current()) return call(core, std::move(done));
        core_loop.post([&core, call = std::move(call), done = std::move(done)]() mutable {
            call(core, std::move(done));
        });
    };
    return await_result<T>(std::move(start));
}

constexpr int kShortForS = 5;

template <class T>
asio::awaitable<Result<T>> refuse(std::string_view what = "takes no new jobs now") {
    co_return headrace::fail(Error{ErrorCode::unavailable,
                                   "the server is short of memory and " + std::string(what),
                                   {},
                                   kShortForS});
}
/// For calls of the core that answer by return value.
template <class T, class Call>
asio::awaitable<Result<T>> fetch(Core& core, Loop& core_loop, Call call) {
    return ask<T>(core, core_loop,
                  [call = std::move(call)](Core& of, Done<T> done) mutable { done(call(of)); });
}

}  // namespace

Service::Service(Core& core, Loop& core_loop)
    : core_(core),
      core_loop_(core_loop),
      pulse_(std::make_shared<Pulse>(core, core_loop)),
      relays_(std::make_shared<Relays>()) {
    pulse_->start();
}

Service::~Service() {
    core_.on_deadline_moved({});
}

asio::awaitable<Result<Accepted>> Service::submit(Submission submission) {
    if (!accepts_.load(std::memory_order_relaxed)) return refuse<Accepted>();
    if (submission.watcher && submission.watcher->wants_outputs() && !accepts_streams()) {
        return refuse<Accepted>("opens no new streams now");
    }
    if (submission.watcher && !core_loop_.is_current()) {
        submission.watcher = relays_->make(std::move(submission.watcher));
    }
    // On the heap, since it is large and what carries it to the core moves a dozen times.
    auto boxed = std::make_unique<Submission>(std::move(submission));
    auto call = [boxed = std::move(boxed)](Core& core, Done<Accepted> done) {
        core.submit(std::move(*boxed), std::move(done));
    };
    return ask<Accepted>(core_, core_loop_, std::move(call));
}

asio::awaitable<Result<JobView>> Service::promote(JobId id) {
    return ask<JobView>(core_, core_loop_, [id](Core& core, Done<JobView> done) {
        core.promote(id, std::move(done));
    });
}

void Service::hang_up(JobId id) {
    core_loop_.dispatch([this, id] { core_.hang_up(id); });
}

asio::awaitable<Result<CancelOutcome>> Service::cancel(Scope scope, JobId id) {
    return ask<CancelOutcome>(
        core_, core_loop_,
        [scope = std::move(scope), id](Core& core, Done<CancelOutcome> done) mutable {
            core.cancel(std::move(scope), id, std::move(done));
        });
}

asio::awaitable<Result<JobView>> Service::retry(Scope scope, JobId id) {
    if (!accepts_.load(std::memory_order_relaxed)) return refuse<JobView>();
    return ask<JobView>(core_, core_loop_,
                        [scope = std::move(scope), id](Core& core, Done<JobView> done) mutable {
                            core.retry(std::move(scope), id, std::move(done));
                        });
}

asio::awaitable<Result<void>> Service::remove_output(Scope scope, JobId id) {
    return ask<void>(core_, core_loop_,
                     [scope = std::move(scope), id](Core& core, Done<void> done) mutable {
                         core.remove_output(std::move(scope), id, std::move(done));
                     });
}

asio::awaitable<Result<JobView>> Service::get(Scope scope, JobId id) {
    return ask<JobView>(core_, core_loop_,
                        [scope = std::move(scope), id](Core& core, Done<JobView> done) mutable {
                            core.get(std::move(scope), id, std::move(done));
                        });
}

asio::awaitable<Result<std::vector<JobView>>> Service::list(JobQuery query) {
    return ask<std::vector<JobView>>(
        core_, core_loop_,
        [query = std::move(query)](Core& core, Done<std::vector<JobView>> done) mutable {
            core.list(std::move(query), std::move(done));
        });
}

asio::awaitable<Result<WatchTicket>> Service::watch(Scope scope, JobId id, std::uint64_t after,
                                                    std::shared_ptr<JobWatcher> watcher) {
    std::shared_ptr<Relays::Relay> relay;
    if (!core_loop_.is_current()) {
        relay = relays_->make(std::move(watcher));
        watcher = relay;
    }
    auto call = [scope = std::move(scope), id, after, watcher = std::move(watcher), relay,
                 relays = relays_](Core& core, Done<WatchTicket> done) mutable {
        // The ticket reaches the home loop before the first event does.
        core.watch(std::move(scope), id, after, std::move(watcher),
                   [relay = std::move(relay), relays = std::move(relays),
                    done = std::move(done)](Result<WatchTicket> ticket) mutable {
                       if (relay && ticket) relays->keep(ticket->number, relay);
                       done(std::move(ticket));
                   });
    };
    return ask<WatchTicket>(core_, core_loop_, std::move(call));
}

void Service::unwatch(WatchTicket ticket) {
    if (const auto relay = relays_->take(ticket.number)) relay->let_go();
    core_loop_.dispatch([this, ticket] { core_.unwatch(ticket); });
}

asio::awaitable<Result<void>> Service::session_input(JobId id, std::string values, bool last) {
    for (;;) {
        // True when the step was taken, false when the window has grown since and it may fit now.
        // Asking and waiting are one call, or the window could grow unseen in between.
        auto give = [id, values, last](Core& core, Done<bool> done) mutable {
            const Result<void> given = core.session_input(id, std::move(values), last);
            if (given) return done(true);
            if (given.error().code != ErrorCode::quota_exceeded) return done(fail(given.error()));
            core.session_window(id, [done = std::move(done)]() mutable { done(false); });
        };
        const Result<bool> taken = co_await ask<bool>(core_, core_loop_, std::move(give));
        if (!taken) co_return fail(taken.error());
        if (*taken) co_return Result<void>{};
    }
}

void Service::output_taken(JobId id, std::uint64_t bytes) {
    core_loop_.dispatch([this, id, bytes] { core_.output_taken(id, bytes); });
}

asio::awaitable<std::vector<QueueView>> Service::queues(TenantId tenant, bool all_tenants) {
    auto call = [tenant = std::move(tenant),
                 all_tenants](Core& core) -> Result<std::vector<QueueView>> {
        return core.queues(tenant, all_tenants);
    };
    auto views = co_await fetch<std::vector<QueueView>>(core_, core_loop_, std::move(call));
    co_return std::move(*views);
}

asio::awaitable<Result<void>> Service::pause(VersionPtr version, bool paused) {
    return fetch<void>(core_, core_loop_, [version = std::move(version), paused](Core& core) {
        return core.pause(version, paused);
    });
}

asio::awaitable<Result<void>> Service::drain_queue(VersionPtr version, bool draining) {
    return fetch<void>(core_, core_loop_, [version = std::move(version), draining](Core& core) {
        return core.drain_queue(version, draining);
    });
}

asio::awaitable<Result<std::uint64_t>> Service::purge(VersionPtr version) {
    return fetch<std::uint64_t>(core_, core_loop_, [version = std::move(version)](Core& core) {
        return core.purge(version);
    });
}

asio::awaitable<std::vector<WorkerView>> Service::workers() {
    auto call = [](Core& core) -> Result<std::vector<WorkerView>> { return core.workers(); };
    auto views = co_await fetch<std::vector<WorkerView>>(core_, core_loop_, std::move(call));
    co_return std::move(*views);
}

asio::awaitable<Result<void>> Service::drain_worker(WorkerId id, bool remove) {
    return fetch<void>(core_, core_loop_,
                       [id, remove](Core& core) { return core.drain_worker(id, remove); });
}

}  // namespace headrace::jobs

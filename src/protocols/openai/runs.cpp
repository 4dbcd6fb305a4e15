#include "protocols/openai/runs.hpp"

#include <utility>

#include "jobs/blob_io.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {

/// Events of all runs, on the connection's loop, within bounds.
class Runs::Inbox {
  public:
    explicit Inbox(const asio::any_io_executor& executor) : bell(executor) {}

    void add(std::uint32_t run, const jobs::EventFeed::Event& event) {
        if (overrun || gone) return;
        const bool output = std::holds_alternative<jobs::OutputEvent>(event->what);
        if (!output && !std::holds_alternative<jobs::DoneEvent>(event->what)) return;
        bytes += jobs::output_bytes(*event);
        waiting.push_back({run, event});
        if (waiting.size() > jobs::EventFeed::kMaxEvents || bytes > jobs::EventFeed::kMaxBytes) {
            overrun = true;
            waiting.clear();
        }
        bell.ring();
    }

    jobs::Bell bell;
    std::vector<Happening> waiting;
    std::size_t bytes = 0;
    bool gone = false;
    bool overrun = false;
};

class Runs::Watcher final : public jobs::JobWatcher {
  public:
    Watcher(std::shared_ptr<Inbox> inbox, std::uint32_t run, bool streamed)
        : inbox_(std::move(inbox)), run_(run), streamed_(streamed) {}
    void on_event(const std::shared_ptr<const jobs::JobEvent>& event) override {
        inbox_->add(run_, event);
    }
    [[nodiscard]] bool wants_outputs() const override { return streamed_; }

  private:
    std::shared_ptr<Inbox> inbox_;
    std::uint32_t run_;
    bool streamed_;
};

Runs::Runs(Site& site, const http::Exchange& exchange, bool streamed)
    : site_(site), streamed_(streamed), inbox_(std::make_shared<Inbox>(exchange.executor())) {}

Runs::~Runs() {
    for (const auto& run : jobs_) {
        if (!run.record) site_.parts.jobs.hang_up(run.id);
    }
}

asio::awaitable<Result<void>> Runs::start(ModelCall& call, jobs::Submission submission) {
    const auto number = static_cast<std::uint32_t>(jobs_.size());
    submission.watcher = std::make_shared<Watcher>(inbox_, number, streamed_);
    auto accepted = co_await site_.parts.jobs.submit(std::move(submission));
    if (!accepted) {
        Error error = std::move(accepted).error();
        if (error.code == ErrorCode::quota_exceeded) error.code = ErrorCode::unavailable;
        co_return fail(std::move(error));
    }
    jobs_.push_back({accepted->id, nullptr});
    ++open_;
    call.started();
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Runs::start_all(ModelCall& call, const http::Exchange& exchange,
                                              std::vector<catalog::Values> inputs) {
    for (const auto& input : inputs) {
        auto submission = call.submission(exchange);
        submission.input.values = catalog::encode(input);
        auto started = co_await start(call, std::move(submission));
        if (!started) co_return started;
    }
    co_return Result<void>{};
}

void Runs::watch(http::Exchange& exchange) {
    exchange.on_hangup([inbox = inbox_] {
        inbox->gone = true;
        inbox->bell.ring();
    });
}

asio::awaitable<std::vector<Runs::Happening>> Runs::take(std::chrono::milliseconds within) {
    // A ring may be that of events which an earlier take() has had.
    while (inbox_->waiting.empty() && !inbox_->gone && !inbox_->overrun) {
        const bool rang = co_await inbox_->bell.wait(within);
        if (!rang) break;
    }
    inbox_->bytes = 0;
    auto happenings = std::exchange(inbox_->waiting, {});
    for (const auto& each : happenings) {
        const auto* done = std::get_if<jobs::DoneEvent>(&each.event->what);
        if (done == nullptr || jobs_[each.run].record) continue;
        jobs_[each.run].record = done->record;
        --open_;
    }
    co_return happenings;
}

asio::awaitable<Result<Runs::Records>> Runs::ends() {
    while (open_ > 0) {
        const auto happenings = co_await take(std::chrono::hours(1));
        if (inbox_->gone) co_return fail(ErrorCode::cancelled, "the client left");
        for (const auto& each : happenings) {
            const auto& record = jobs_[each.run].record;
            if (record && record->state != jobs::JobState::succeeded) {
                co_return fail(job_failure(*record));
            }
        }
    }
    Records records;
    records.reserve(jobs_.size());
    for (const auto& run : jobs_) records.push_back(run.record);
    co_return records;
}

void Runs::taken(std::uint32_t run, std::uint64_t bytes) {
    if (bytes > 0 && !jobs_[run].record) site_.parts.jobs.output_taken(jobs_[run].id, bytes);
}

bool Runs::gone() const {
    return inbox_->gone;
}

bool Runs::overrun() const {
    return inbox_->overrun;
}

asio::awaitable<Result<catalog::Values>> outputs_of(Site& site, const jobs::JobRecord& job) {
    if (!job.output) co_return catalog::Values{};
    if (!job.output->spilled) co_return catalog::decode(job.output->values);
    auto tenant = job.tenant;
    const auto blob = *job.output->spilled;
    auto bytes = co_await jobs::load_bytes(site.parts.blobs, std::move(tenant), blob, blob.size);
    if (!bytes) co_return fail(std::move(bytes).error());
    co_return catalog::decode(*bytes);
}

}  // namespace headrace::protocols::openai

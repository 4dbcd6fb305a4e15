#include "engines/host/slots.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "engines/host/clean_text.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::engines::host {
namespace {

constexpr std::size_t kMostMessage = 2'000;
constexpr std::size_t kMostPerFrame = 512 * 1024;  // bytes of values in one result frame

template <class Reply>
void add_meters(const hr_job& job, std::uint64_t engine_us, Reply& reply) {
    reply.set_engine_us(engine_us);
    for (const auto& meter : job.meters) {
        auto* out = reply.add_meters();
        out->set_name(meter.name);
        out->set_value(meter.value);
    }
}

/// The ends of one batch, gathered into as few frames as the bounds allow.
class Replies {
  public:
    void add_result(const hr_job& job, std::string values, std::uint64_t values_size,
                    std::uint64_t us) {
        if (bytes_ + values.size() > kMostPerFrame || results_.empty()) {
            results_.push_back(std::make_unique<wire::Frame>());
            bytes_ = 0;
        }
        bytes_ += values.size();
        auto* result = results_.back()->mutable_result()->add_results();
        job.ref.write(*result->mutable_ref());
        result->set_values(std::move(values));
        result->set_values_size(values_size);
        add_meters(job, us, *result);
    }

    void add_failure(const hr_job& job, const Failed& failed, std::uint64_t us) {
        auto* failure = failures_.mutable_failure()->add_failures();
        job.ref.write(*failure->mutable_ref());
        failure->set_code(failed.code);
        failure->set_message(clean_text(failed.message, kMostMessage));
        failure->set_retryable(failed.retryable);
        add_meters(job, us, *failure);
    }

    void send(Outbox& outbox) {
        wire::Frame credit;
        credit.mutable_credit()->add_offers(0);
        credit.mutable_credit()->set_slots(1);
        std::vector<const wire::Frame*> all;
        for (const auto& frame : results_) all.push_back(frame.get());
        if (failures_.has_failure()) all.push_back(&failures_);
        all.push_back(&credit);
        outbox.send(all);
    }

  private:
    std::vector<std::unique_ptr<wire::Frame>> results_;
    std::size_t bytes_ = 0;
    wire::Frame failures_;
};

/// Ends one job: its result with the parts before it, or why it has none.
void conclude(hr_job& job, bool went_well, const std::string& why, std::uint64_t us,
              Replies& replies) {
    if (job.forgotten()) return;
    std::string values;
    std::uint64_t values_size = 0;
    if (!job.cancelled() && !job.failed && went_well) {
        try {
            if (job.send_result_parts(values, values_size) == 0) {
                replies.add_result(job, std::move(values), values_size, us);
                return;
            }
        } catch (const std::exception& e) {
            job.failed =
                Failed{"internal", std::string("the outputs cannot be sent: ") + e.what(), false};
        }
    }
    if (job.failed)
        replies.add_failure(job, *job.failed, us);
    else if (job.cancelled())
        replies.add_failure(job, {"cancelled", "the job was stopped", false}, us);
    else
        replies.add_failure(job, {"engine_failed", why, false}, us);
}

}  // namespace

Slots::Slots(Library& engine, Registry& registry, Outbox& outbox)
    : engine_(engine), registry_(registry), outbox_(outbox) {}

void Slots::start(std::uint32_t count) {
    {
        const std::lock_guard lock(mutex_);
        threaded_ = count > 0;
    }
    for (std::uint32_t i = 0; i < count; ++i) threads_.emplace_back([this] { work(); });
}

void Slots::run(std::unique_ptr<Batch> batch) {
    bool wake = false;
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(batch));
        wake = threaded_;
    }
    if (wake) some_.notify_one();
}

bool Slots::has_next() {
    const std::lock_guard lock(mutex_);
    return !waiting_.empty();
}

bool Slots::run_next() {
    std::unique_ptr<Batch> batch;
    {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return false;
        batch = std::move(waiting_.front());
        waiting_.pop_front();
        ++running_;
    }
    run_batch(*batch);
    const std::lock_guard lock(mutex_);
    if (--running_ == 0 && draining_) some_.notify_all();
    return true;
}

void Slots::drain() {
    {
        std::unique_lock lock(mutex_);
        draining_ = true;
        if (!threaded_) some_.wait(lock, [this] { return waiting_.empty() && running_ == 0; });
    }
    some_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

void Slots::work() {
    while (true) {
        std::unique_ptr<Batch> batch;
        {
            std::unique_lock lock(mutex_);
            some_.wait(lock, [this] { return !waiting_.empty() || draining_; });
            if (waiting_.empty()) return;
            batch = std::move(waiting_.front());
            waiting_.pop_front();
        }
        run_batch(*batch);
    }
}

void Slots::run_batch(Batch& batch) {
    std::vector<hr_job*> jobs;
    for (const auto& job : batch.jobs) {
        if (job->cancelled()) continue;
        if (auto opened = job->open(); opened)
            jobs.push_back(job.get());
        else
            job->failed = Failed{"invalid_argument", opened.error().message, false};
    }
    const auto began = std::chrono::steady_clock::now();
    std::string why;
    bool went_well = true;
    if (!jobs.empty()) went_well = call_engine(jobs, why);
    const auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - began);
    // Jobs of a batch share its time, so that the sum is what the slot was busy for.
    const auto each =
        static_cast<std::uint64_t>(took.count()) / std::max<std::size_t>(jobs.size(), 1);
    reply(batch, went_well, why, each);
}

bool Slots::call_engine(std::vector<hr_job*>& jobs, std::string& why) {
    registry_.set_running(jobs, true);
    auto code = engine_.run(jobs.data(), jobs.size());
    registry_.set_running(jobs, false);
    if (!code)
        why = std::move(code).error().message;
    else if (*code < 0)
        why = fmt::format("the engine returned {}", *code);
    return why.empty();
}

void Slots::reply(Batch& batch, bool went_well, const std::string& why, std::uint64_t engine_us) {
    Replies replies;
    for (const auto& job : batch.jobs) conclude(*job, went_well, why, engine_us, replies);
    registry_.remove(batch);
    replies.send(outbox_);
}

}  // namespace headrace::engines::host

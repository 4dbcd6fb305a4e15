#include "upstreams/running.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.hpp"
#include "base/log.hpp"
#include "catalog/scalar_codec.hpp"
#include "jobs/core.hpp"
#include "upstreams/faults.hpp"
#include "upstreams/worker.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::uint64_t kWindow = 512 * 1024;           // bytes the caller may be behind
constexpr std::chrono::milliseconds kPatience{30'000};  // with one who takes nothing

}  // namespace

Running::Running(Room& room, PoolWorker& pool, jobs::Grant grant_)
    : grant(std::move(grant_)), room_(room), pool_(pool) {}

bool Running::append(std::string_view output, std::string_view part) {
    return give(output, part, true);
}

bool Running::pass_on(std::string_view output, std::string_view part) {
    // Who asked for the stream has it; without a listener, and in a durable job, it is kept.
    return give(output, part, grant.durable || !grant.wants_stream);
}

bool Running::give(std::string_view output, std::string_view part, bool keep) {
    if (ended) return false;
    if (!begun) {
        begun = true;
        const std::chrono::duration<double> took = room_.now() - begun_at;
        if (server) server->cells.first_byte->observe(took.count());
    }
    if (!is_utf8(part)) {
        too_large = "the upstream's answer is not UTF-8";
        return false;
    }
    if (keep) {
        kept_bytes_ += part.size();
        if (kept_bytes_ > room_.settings.most_answer_bytes) {
            too_large = "the upstream's answer is too large";
            return false;
        }
        auto* to = kept_.empty() ? nullptr : &kept_.back();
        for (auto& each : kept_) {
            if (each.first == output) to = &each;
        }
        if (!to || to->first != output) to = &kept_.emplace_back(output, std::string());
        to->second.append(part);
    }
    if (!grant.wants_stream) return true;
    jobs::OutputEvent event;
    event.values = catalog::encode_text(output, part);
    sent_ += event.values.size();
    return room_.parts.core.output(pool_.id(), grant.job, grant.fence, std::move(event))
        .has_value();
}

void Running::taken(std::uint64_t bytes) {
    taken_ += bytes;
    if (stalled_ && has_room()) ring();
}

bool Running::has_room() const {
    return sent_ <= taken_ + kWindow;
}

asio::awaitable<void> Running::room() {
    while (!ended && !unpaced_ && sent_ > taken_ + kWindow) {
        const std::uint64_t before = taken_;
        stalled_ = true;
        co_await wait(kPatience);
        stalled_ = false;
        if (ended || taken_ != before) continue;
        if (grant.durable) {
            unpaced_ = true;  // its listener has left; the job goes on for its result
        } else {
            too_large = "the caller did not take what was streamed";
            co_return;
        }
    }
}

void Running::ring() {
    rung_ = true;
    if (bell_) bell_->cancel();
}

asio::awaitable<void> Running::wait(std::chrono::milliseconds within) {
    if (!rung_) {
        if (!bell_) bell_.emplace(room_.parts.loop.io());
        bell_->expires_after(within);
        boost::system::error_code ignored;
        co_await bell_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    rung_ = false;
}

void Running::drop() {
    ended = true;
    if (!planted(Plant::cancel_unheard)) abort.trip();
    ring();
}

void Running::move_kept(catalog::Values& to) {
    for (auto& [name, text] : kept_) to.set(name, std::move(text));
    kept_.clear();
}

}  // namespace headrace::upstreams

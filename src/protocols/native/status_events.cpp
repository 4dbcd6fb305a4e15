// The status page's event stream: samples, and jobs as they change their state.
#include <chrono>
#include <memory>

#include "access/keys.hpp"
#include "access/sessions.hpp"
#include "catalog/catalog.hpp"
#include "http/sse.hpp"
#include "jobs/activity.hpp"
#include "jobs/waiting.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_request.hpp"
#include "protocols/native/on_core.hpp"
#include "protocols/native/session_cookie.hpp"
#include "protocols/native/status_routes.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr int kSampleEvery = 4;  // looks

/// Ends a subscription to state changes, whatever the way out.
class Reading {
  public:
    Reading(Site& site, jobs::Activity::Reader reader) : site_(site), reader_(reader) {}
    ~Reading() {
        site_.parts.jobs.core_loop().dispatch(
            [&activity = site_.parts.activity, reader = reader_] { activity.close(reader); });
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

  private:
    Site& site_;
    jobs::Activity::Reader reader_;
};

struct Look {
    std::vector<jobs::StateChange> changes;
    std::vector<jobs::Sample> last;
    std::vector<jobs::TenantLoad> load;
    jobs::JobTotals totals;
};

struct HangUp {
    explicit HangUp(const asio::any_io_executor& executor) : bell(executor) {}
    jobs::Bell bell;
    bool gone = false;
};

}  // namespace

/// A stream outlives the request's check of the key by hours.
bool StatusRoutes::still_signed_in(const http::Exchange& exchange) const {
    if (!site_.parts.keys.still_valid(caller_of(exchange))) return false;
    const bool by_key = exchange.header("Authorization").has_value();
    const auto cookie = session_cookie(exchange);
    return by_key || (cookie && site_.parts.sessions.find(*cookie));
}

asio::awaitable<std::string> StatusRoutes::next_events(const access::Principal& who,
                                                       std::uint64_t reader, bool with_sample) {
    auto look = [&who, reader, with_sample,
                 &activity = site_.parts.activity](jobs::Core& core) -> Result<Look> {
        Look found;
        found.changes = activity.take(reader);
        if (!with_sample) return found;
        const auto* tenant = seen_tenant(who);
        found.last = activity.samples().series(tenant, 1);
        found.totals = activity.samples().totals(tenant);
        found.load = core.load();
        return found;
    };
    const auto found = co_await on_core<Look>(site_, std::move(look));
    std::string out;
    const auto catalog = site_.parts.catalog.snapshot();
    for (const auto& change : found->changes) {
        const auto name = change.capability.substr(0, change.capability.find('@'));
        if (may_use_named(*catalog, who, name))
            http::append_sse(out, std::nullopt, "job", change_text(change));
    }
    if (with_sample) {
        const auto totals = totals_text(found->totals, found->load, who);
        http::append_sse(out, std::nullopt, "sample",
                         sample_text(found->last, who.system, totals, site_.parts.clock.wall()));
    }
    co_return out;
}

asio::awaitable<void> StatusRoutes::pump(http::Exchange& exchange, std::uint64_t reader) {
    http::Response head;
    head.content_type = http::kSseContentType;
    head.headers.add("Cache-Control", "no-store");
    head.headers.add("X-Accel-Buffering", "no");
    auto writer = co_await exchange.start_stream(std::move(head));
    if (!writer) co_return;
    const auto hang_up = std::make_shared<HangUp>(exchange.executor());
    exchange.on_hangup([hang_up] {
        hang_up->gone = true;
        hang_up->bell.ring();
    });
    const auto& who = caller_of(exchange);
    for (int looks = 0; !hang_up->gone; ++looks) {
        const bool with_sample = looks % kSampleEvery == 0;
        if (with_sample && !still_signed_in(exchange)) break;
        const std::string piece = co_await next_events(who, reader, with_sample);
        if (!piece.empty()) {
            const auto written = co_await writer->write(piece);
            if (!written) co_return;
        }
        co_await hang_up->bell.wait(kLookEvery);
    }
    co_await writer->finish();
}

asio::awaitable<void> StatusRoutes::events(http::Exchange& exchange) {
    const auto& who = caller_of(exchange);
    using Reader = jobs::Activity::Reader;
    auto open = [&who, &activity = site_.parts.activity](jobs::Core&) -> Result<Reader> {
        const auto* tenant = seen_tenant(who);
        const auto reader =
            activity.open(tenant != nullptr ? std::optional(*tenant) : std::nullopt);
        if (reader) return *reader;
        return fail(Error{ErrorCode::quota_exceeded, "too many look at the status already", {}, 5});
    };
    const auto reader = co_await on_core<Reader>(site_, std::move(open));
    if (!reader) {
        co_await answer_error(exchange, reader.error());
        co_return;
    }
    const Reading reading(site_, *reader);
    co_await pump(exchange, *reader);
}

}  // namespace headrace::protocols::native

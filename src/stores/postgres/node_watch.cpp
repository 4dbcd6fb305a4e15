#include "stores/postgres/node_watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <random>

#include "base/log.hpp"
#include "stores/base/lane.hpp"
#include "stores/postgres/statements.hpp"

namespace headrace::stores {
namespace {

constexpr std::chrono::milliseconds kFirstPause{100};
constexpr std::chrono::milliseconds kLongestPause{2'000};
constexpr std::size_t kIdText = 36;

std::vector<JobId> ids_in(std::string_view payload) {
    std::vector<JobId> out;
    for (; payload.size() >= kIdText; payload.remove_prefix(std::min(payload.size(), kIdText + 1)))
        if (const auto id = JobId::parse(payload.substr(0, kIdText))) out.push_back(*id);
    return out;
}

}  // namespace

NodeWatch::NodeWatch(PgNode& node, const PostgresSettings& settings)
    : node_(node),
      settings_(settings),
      backoff_(kFirstPause, kLongestPause, std::random_device{}()),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] {
          name_this_thread("jobs-node");
          serve();
      }) {}

NodeWatch::~NodeWatch() {
    closing_ = true;
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    thread_.join();
}

void NodeWatch::listen(std::weak_ptr<jobs::ClaimListener> listener) {
    const std::lock_guard lock(mutex_);
    listener_ = std::move(listener);
    loop_ = Loop::current();
}

template <class Tell>
void NodeWatch::tell(Tell tell) {
    const std::lock_guard lock(mutex_);
    if (loop_ == nullptr) return;
    loop_->post([listener = listener_, tell = std::move(tell)]() mutable {
        if (const auto alive = listener.lock()) tell(*alive);
    });
}

void NodeWatch::serve() {
    while (!closing_) {
        const bool well = connect() && beat();
        beating_ = well;
        const auto now = std::chrono::steady_clock::now();
        if (!well) {
            wait(now + std::chrono::duration_cast<std::chrono::milliseconds>(
                           backoff_.pause(++failures_)));
            continue;
        }
        failures_ = 0;
        const auto next_beat = now + settings_.lease / 3;
        while (!closing_ && !connection_->lost() && std::chrono::steady_clock::now() < next_beat) {
            wait(next_beat);
            hear();
        }
    }
}

bool NodeWatch::connect() {
    if (connection_ && !connection_->lost()) return true;
    auto opened = PgConnection::open(settings_, PgRole::listener);
    if (!opened) return false;
    connection_ = std::move(*opened);
    if (!connection_->execute("LISTEN headrace_offered; LISTEN headrace_ended; "
                              "LISTEN headrace_cancel")) {
        return false;
    }
    tell([](jobs::ClaimListener& listener) { listener.missed(); });
    return true;
}

bool NodeWatch::beat() {
    const auto freed = node_.beat(*connection_);
    if (!freed) {
        log::warn("the lease of this node is not renewed error=\"{}\"", freed.error().message);
        return false;
    }
    if (!*freed) return true;
    log::warn("a node is gone: its jobs are up for claim");
    return connection_->call(sql::kTellOffered).has_value();
}

/// Until something arrives, the time is over, or the end.
void NodeWatch::wait(std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd entries[] = {{wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}};
    if (connection_ && !connection_->lost()) entries[1].fd = connection_->descriptor();
    ::poll(entries, 2, static_cast<int>(std::max<std::int64_t>(1, left.count())));
}

void NodeWatch::hear() {
    if (!connection_->consume()) return;
    std::string channel;
    std::string payload;
    bool offered = false;
    while (connection_->next_notification(channel, payload)) {
        if (channel == "headrace_offered") {
            offered = true;
        } else if (channel == "headrace_ended") {
            tell([ids = ids_in(payload)](jobs::ClaimListener& listener) mutable {
                listener.ended(std::move(ids));
            });
        } else if (const auto space = payload.find(' '); space != std::string::npos) {
            const std::string_view rest = std::string_view(payload).substr(space + 1);
            const auto id = JobId::parse(rest.substr(0, kIdText));
            if (payload.substr(0, space) != std::to_string(node_.epoch()) || !id) continue;
            const TenantId tenant(std::string(rest.substr(kIdText + 1)));
            tell([tenant, id = *id](jobs::ClaimListener& listener) {
                listener.cancel_asked(tenant, id);
            });
        }
    }
    if (offered) tell([](jobs::ClaimListener& listener) { listener.offered(); });
}

}  // namespace headrace::stores

#include "stores/postgres/shared_catalog.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.hpp"
#include "stores/base/lane.hpp"
#include "stores/catalog/upstream_row.hpp"
#include "stores/postgres/catalog_setup.hpp"

namespace headrace::stores {
namespace {

constexpr std::chrono::milliseconds kPause{500};  // between two tries to connect
constexpr std::chrono::seconds kUsesEvery{60};
/// Last uses are written at each server's own pace and by its own clock: look back far enough.
constexpr WallMs kUsesBack = 3'600'000;
constexpr int kRetryAfter = 2;

}  // namespace

Result<std::unique_ptr<SharedCatalog>> SharedCatalog::open(PostgresSettings settings,
                                                           const access::MasterKeys& keys) {
    std::unique_ptr<SharedCatalog> out(new SharedCatalog(std::move(settings), keys));
    const auto& sealer = out->sealer_;
    const auto checked = out->ask_now<void>(
        true, [&sealer](PgConnection& connection) { return check_master_key(connection, sealer); });
    if (!checked) return fail(checked.error());
    return out;
}

SharedCatalog::SharedCatalog(PostgresSettings settings, const access::MasterKeys& keys)
    : settings_(std::move(settings)),
      sealer_(keys, "shared catalog"),
      upstream_sealer_(keys, kUpstreamPurpose),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] {
          name_this_thread("catalog");
          serve();
      }) {}

SharedCatalog::~SharedCatalog() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    thread_.join();
}

void SharedCatalog::listen(Listener listener) {
    const bool ends = !listener.keys;
    {
        const std::lock_guard lock(listening_);
        listener_ = std::move(listener);
    }
    if (!ends) post([this] { look(); });
}

access::Contact SharedCatalog::contact() const {
    const auto silence =
        Steady::now() -
        Steady::time_point(Steady::duration(known_.load(std::memory_order_relaxed)));
    if (silence > settings_.offline) return access::Contact::expired;
    const bool away = lost_.load(std::memory_order_relaxed) || silence > 4 * kPoll;
    return away ? access::Contact::lost : access::Contact::current;
}

void SharedCatalog::post(UniqueFunction<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(work));
    }
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

void SharedCatalog::serve() {
    std::vector<UniqueFunction<void()>> batch;
    for (;;) {
        {
            const std::lock_guard lock(mutex_);
            batch.swap(inbox_);
            if (batch.empty() && closing_) return;
        }
        for (auto& work : batch) work();
        if (!batch.empty()) {
            batch.clear();
            continue;
        }
        if (heard() || Steady::now() >= next_look_)
            look();  // and see at once what came meanwhile
        else
            wait(next_look_);
    }
}

/// Until something arrives or the time is over.
void SharedCatalog::wait(Steady::time_point until) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - Steady::now()).count();
    pollfd entries[] = {{wake_.get(), POLLIN, 0}, {-1, POLLIN, 0}};
    if (connection_ && !connection_->lost()) entries[1].fd = connection_->descriptor();
    ::poll(entries, 2, static_cast<int>(std::max<std::int64_t>(1, left)));
    std::uint64_t posts = 0;
    (void)!::read(wake_.get(), &posts, sizeof posts);
}

bool SharedCatalog::heard() {
    if (!connection_ || connection_->lost()) return false;
    if (!connection_->consume()) return true;  // what look() finds out
    bool any = false;
    std::string channel;
    std::string payload;
    while (connection_->next_notification(channel, payload)) any = true;
    return any;
}

Result<void> SharedCatalog::connect() {
    if (connection_ && !connection_->lost()) return {};
    connection_.reset();
    const auto away = [](std::string why) {
        return Error{ErrorCode::unavailable,
                     "the database of the catalog is away: " + std::move(why),
                     {},
                     kRetryAfter};
    };
    if (Steady::now() < next_try_) return fail(away("no connection"));
    auto opened = PgConnection::open(settings_, PgRole::listener);
    if (opened) {
        if (auto heard = opened->execute("LISTEN headrace_catalog"); !heard)
            opened = fail(std::move(heard).error());
    }
    if (!opened) {
        next_try_ = Steady::now() + kPause;
        lose(opened.error());
        return fail(away(opened.error().message));
    }
    connection_ = std::move(*opened);
    return {};
}

void SharedCatalog::lose(const Error& why) {
    lost_ = true;
    if (std::exchange(told_, true)) return;
    log::warn(
        "the catalog in the database is out of reach; known keys work on for {} s error=\"{}\"",
        std::chrono::duration_cast<std::chrono::seconds>(settings_.offline).count(), why.message);
}

void SharedCatalog::look() {
    const auto begun = Steady::now();
    auto done = connect();
    if (done) {
        done = fetch();
        if (!done) lose(done.error());
    }
    next_look_ = Steady::now() + (done ? kPoll : kPause);
    if (!done) return;
    known_ = begun.time_since_epoch().count();
    lost_ = false;
    if (std::exchange(told_, false)) log::info("the catalog in the database is in reach again");
}

Result<void> SharedCatalog::fetch() {
    const auto numbers = last_changes(*connection_);
    if (!numbers) return fail(numbers.error());
    const std::lock_guard lock(listening_);
    if (!listener_.keys) return {};
    for (const auto part : {CatalogPart::accounts, CatalogPart::keys, CatalogPart::upstreams}) {
        const auto number = numbers->at(static_cast<std::size_t>(part));
        if (number == seen(part)) continue;
        // A database that was put back to an earlier state has fewer changes than were seen.
        if (number < seen(part)) seen(part) = -1;
        if (auto told = fetch_part(part); !told) return told;
        // What was read may be newer; then it is read once more.
        seen(part) = number;
    }
    return fetch_uses();
}

namespace {

template <class T>
bool damaged(const CatalogRows<T>& read) {
    for (const auto& row : read.damaged) log::error("damaged row in the database: {}", row);
    return !read.damaged.empty();
}

/// What comes whole takes the place of all that is known. With a row missing it would switch
/// somebody's limit off, so that then what is known stays.
template <class T, class To>
Result<void> tell_all(Result<CatalogRows<T>> read, const To& to) {
    if (!read) return fail(std::move(read).error());
    if (!damaged(*read)) to(std::move(read->rows));
    return {};
}

}  // namespace

Result<void> SharedCatalog::fetch_part(CatalogPart part) {
    if (part == CatalogPart::accounts)
        return tell_all(read_accounts(*connection_), listener_.accounts);
    if (part == CatalogPart::upstreams)
        return tell_all(read_upstreams(*connection_, upstream_sealer_), listener_.upstreams);
    auto keys = read_keys(*connection_, seen(part));
    if (!keys) return fail(std::move(keys).error());
    damaged(*keys);  // the others' changes hold all the same
    listener_.keys(std::move(keys->rows));
    return {};
}

Result<void> SharedCatalog::fetch_uses() {
    if (Steady::now() < next_uses_) return {};
    const auto uses = read_uses(*connection_, used_until_);
    if (!uses) return fail(uses.error());
    for (const auto& use : *uses) used_until_ = std::max(used_until_, use.at - kUsesBack);
    listener_.uses(*uses);
    next_uses_ = Steady::now() + kUsesEvery;
    return {};
}

}  // namespace headrace::stores

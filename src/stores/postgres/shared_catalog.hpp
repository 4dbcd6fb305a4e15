#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "access/directory.hpp"
#include "access/keys.hpp"
#include "access/secrets.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_fd.hpp"
#include "stores/postgres/catalog_rows.hpp"
#include "stores/postgres/connection.hpp"
#include "stores/postgres/settings.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::stores {

/// The catalog in the job log's database, for all servers on it: one thread with one connection, on
/// which the stores of keys, accounts, audit and upstreams write and which hears what others
/// change.
///
/// Changes are handed on in the order in which the database has them, one's own too, and before the
/// write that made them is answered.
class SharedCatalog {
  public:
    /// Asked for news without being told, in case a notification was lost.
    static constexpr std::chrono::milliseconds kPoll{2'000};

    /// Whom changes go to, on the catalog's thread. Accounts and upstreams come whole.
    struct Listener {
        std::function<void(std::vector<access::KeyRecord>)> keys{};
        std::function<void(std::vector<access::KeyUse>)> uses{};
        std::function<void(std::vector<access::Account>)> accounts{};
        std::function<void(std::vector<upstreams::UpstreamSpec>)> upstreams{};
    };

    /// Blocking; the tables come with the job log's schema. permission_denied when the master key
    /// is another than the one that servers on this database seal with. `keys` outlives it.
    static Result<std::unique_ptr<SharedCatalog>> open(PostgresSettings settings,
                                                       const access::MasterKeys& keys);
    ~SharedCatalog();
    SharedCatalog(const SharedCatalog&) = delete;
    SharedCatalog& operator=(const SharedCatalog&) = delete;

    /// An empty one ends it: after that nobody is told any more.
    void listen(Listener listener);
    /// Thread-safe, and cheap: asked with every request.
    [[nodiscard]] access::Contact contact() const;
    [[nodiscard]] const access::Sealer& upstream_sealer() const { return upstream_sealer_; }
    [[nodiscard]] const access::Sealer& sealer() const { return sealer_; }

    template <class T>
    using Done = UniqueFunction<void(Result<T>)>;
    /// Runs `work(PgConnection&)` on the thread and `done` with its result on the calling loop, or
    /// on the thread where the caller runs none. With `change` news are handed on in between.
    template <class T, class Work>
    void ask(bool change, Work work, Done<T> done) {
        post([this, change, work = std::move(work), done = std::move(done),
              loop = Loop::current()]() mutable {
            auto ready = connect();
            Result<T> result = ready ? work(*connection_) : fail(std::move(ready).error());
            if (change && result) look();
            if (!done) return;
            if (loop == nullptr) return done(std::move(result));
            loop->post([done = std::move(done), result = std::move(result)]() mutable {
                done(std::move(result));
            });
        });
    }
    /// The same, and waits: at start only.
    template <class T, class Work>
    Result<T> ask_now(bool change, Work work) {
        std::promise<Result<T>> answer;
        post([&] {
            auto ready = connect();
            Result<T> result = ready ? work(*connection_) : fail(std::move(ready).error());
            if (change && result) look();
            answer.set_value(std::move(result));
        });
        return answer.get_future().get();
    }

    /// All that is committed by now has been handed on when `done` runs.
    void catch_up(Done<void> done) {
        ask<void>(
            true, [](PgConnection&) { return Result<void>(); }, std::move(done));
    }

    /// On the thread: a part was read whole, up to this change. What came after is told.
    void note_read(CatalogPart part, std::int64_t number) { seen(part) = number; }

  private:
    using Steady = std::chrono::steady_clock;

    SharedCatalog(PostgresSettings settings, const access::MasterKeys& keys);
    void post(UniqueFunction<void()> work);
    void serve();
    void wait(Steady::time_point until);
    bool heard();
    Result<void> connect();
    /// Fetches what has changed and hands it on.
    void look();
    Result<void> fetch();
    Result<void> fetch_part(CatalogPart part);
    Result<void> fetch_uses();
    void lose(const Error& why);
    std::int64_t& seen(CatalogPart part) { return seen_.at(static_cast<std::size_t>(part)); }

    const PostgresSettings settings_;
    const access::Sealer sealer_;
    const access::Sealer upstream_sealer_;
    std::optional<PgConnection> connection_;
    std::array<std::int64_t, kCatalogParts> seen_{};
    WallMs used_until_ = 0;
    Steady::time_point next_uses_{};
    Steady::time_point next_look_{};
    Steady::time_point next_try_{};
    bool told_ = false;  // that the database is away
    std::atomic<bool> lost_{false};
    std::atomic<Steady::rep> known_{0};  // what was committed before then is known
    UniqueFd wake_;

    std::mutex listening_;  // guards listener_; held while it is told; taken alone
    Listener listener_;
    std::mutex mutex_;  // guards inbox_ and closing_; taken alone
    std::vector<UniqueFunction<void()>> inbox_;
    bool closing_ = false;
    std::thread thread_;
};

}  // namespace headrace::stores

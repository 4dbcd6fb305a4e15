#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/store.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::catalog {
class Catalog;
}
namespace headrace::http {
class GuardedFetch;
}
namespace headrace::jobs {
class BlobStore;
class Core;
}  // namespace headrace::jobs
namespace headrace::telemetry {
class Registry;
}

namespace headrace::upstreams {

/// What the room stands on; all of it outlives the room.
struct Parts {
    Loop& loop;  // the core's
    jobs::Core& core;
    jobs::BlobStore& blobs;
    catalog::Catalog& catalog;
    const http::GuardedFetch& fetch;
    UpstreamStore& store;
    telemetry::Registry& metrics;
    const Clock& clock;
    IdSource& ids;
    /// A job goes to a server, for each try; on the core's loop. May be empty.
    std::function<void(const JobId&, const UpstreamSpec&)> called{};
};

struct Settings {
    std::uint64_t most_answer_bytes = 64ULL << 20;  // of one answer that is kept in memory
    std::uint64_t most_input_bytes = 64ULL << 20;   // of one job's input, media included
    std::int64_t file_keep_ms = 7 * 86'400'000LL;   // media of an answer
};

enum class Put : std::uint8_t { add, replace, either };

/// What is learnt by asking a server on the spot.
struct TestReport {
    bool ok = false;
    std::string message;
    std::int64_t took_ms = 0;
    std::vector<std::string> models;  // that the server names
};

/// A call of a server that somebody else makes (a worker's stream passed on as it is): it has its
/// place on the server as a job's call has.
struct Visit {
    std::uint64_t id = 0;
    SpecPtr spec;
};

/// All servers we dial, and their pools: one for each (tenant, model id), which is a version of the
/// catalog and a worker of the core. Belongs to the core's loop; answers come on the calling loop
/// where a Done is taken, and that may be any loop only where it says so.
class Upstreams {
  public:
    Upstreams(Parts parts, Settings settings);
    ~Upstreams();
    Upstreams(const Upstreams&) = delete;
    Upstreams& operator=(const Upstreams&) = delete;

    template <class T>
    using Done = UniqueFunction<void(Result<T>)>;

    /// Before load(): who speaks to servers of a kind.
    void speak(Kind kind, std::unique_ptr<Dialer> dialer);
    [[nodiscard]] Dialer* dialer(Kind kind) const;
    /// Takes back what the store has and registers its models; blocking, at start only.
    Result<void> load();
    /// Attaches the pools and begins to probe.
    void start();
    /// Drops every call and ends when none is left.
    asio::awaitable<void> stop();

    /// Adds or replaces a server; `done` when it is on disk and in use. conflict: a name that is
    /// taken (add), a model id that is somebody else's (another kind or profile, an engine's).
    /// not_found: replace of what is not there. A replaced server keeps its health while its
    /// address stays; calls under way go on. The same spec again costs no write.
    void put(UpstreamSpec spec, Put how, Done<UpstreamView> done);
    /// Calls under way go on; their answers are delivered.
    void remove(TenantId tenant, std::string name, Done<void> done);
    /// All that a store holds now which other processes write too: what is new or different is put
    /// to use, what is gone is removed. Servers of `own_origin` are this process's own and stay.
    void take(std::vector<UpstreamSpec> all, std::string_view own_origin);
    [[nodiscard]] std::vector<UpstreamView> list(const TenantId& tenant, bool all_tenants) const;
    [[nodiscard]] Result<UpstreamView> find(const TenantId& tenant, std::string_view name) const;
    /// Asks the server now, whatever its health; what it finds counts.
    void test(TenantId tenant, std::string name, Done<TestReport> done);
    /// A sign of life that came by itself (a heart-beat): closes an open circuit for one trial and
    /// notes the load it tells of.
    void heard_from(const TenantId& tenant, std::string_view name, std::optional<double> load);
    /// It says that it starts, which may be before it listens: calls wait for it until a probe is
    /// answered, for ten seconds at most. Nothing for one that asked to be left alone.
    void expect(const TenantId& tenant, std::string_view name);

    /// The server that a call of this model would go to now, else one that starts; nothing is
    /// reserved. not_found: no such model; unavailable: none is up.
    [[nodiscard]] Result<SpecPtr> choose(const TenantId& tenant, std::string_view model) const;
    /// Takes a place on the server that choose() names. unavailable: all places are taken, too.
    [[nodiscard]] Result<Visit> enter(const TenantId& tenant, std::string_view model);
    /// Ends a visit, once. What it says of the server counts as of a job's call; null: it answered.
    void leave(std::uint64_t visit, const CallError* error);
    /// A plain request to a server of the model, beside its jobs (token counts and the like).
    asio::awaitable<CallResult<std::string>> ask(TenantId tenant, std::string model,
                                                 std::string path, std::string body);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::upstreams

#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../random.hpp"
#include "base/loop.hpp"
#include "catalog/catalog.hpp"
#include "http/guarded_fetch.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "protocols/fastchat/parts.hpp"
#include "protocols/fastchat/registry.hpp"
#include "referee.hpp"
#include "site.hpp"
#include "stores/memory/memory_blob_store.hpp"
#include "stores/memory/memory_job_log.hpp"
#include "stores/memory/virtual_time.hpp"
#include "telemetry/metrics.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::sim_upstreams {

namespace fastchat = protocols::fastchat;

/// Keeps nothing, and answers after a moment.
class MomentaryStore final : public UpstreamStore {
  public:
    explicit MomentaryStore(stores::VirtualTime& time) : time_(time) {}
    Result<std::vector<UpstreamSpec>> load() override { return std::vector<UpstreamSpec>{}; }
    void save(UpstreamSpec, UniqueFunction<void(Result<void>)> done) override {
        answer(std::move(done));
    }
    void remove(TenantId, std::string, UniqueFunction<void(Result<void>)> done) override {
        answer(std::move(done));
    }

  private:
    void answer(UniqueFunction<void(Result<void>)> done) {
        time_.after(std::chrono::microseconds(500),
                    [done = std::move(done)]() mutable { done(Result<void>{}); });
    }
    stores::VirtualTime& time_;
};

/// A FastChat worker: registers, beats while it lives, and registers anew when it is not known.
struct Worker {
    std::string name;      // its address
    std::string upstream;  // what the room calls it
    bool alive = true;
    bool registered = false;
    std::uint32_t starts = 0;
};

/// One run: a core with the room over it, servers with moods, callers and operators.
class World {
  public:
    World(std::uint64_t seed, bool trace);
    ~World();

    /// One thing that somebody does now.
    void act();
    /// Runs what is due until then, or until the referee has seen a violation.
    void run_for(milliseconds duration);
    /// Every server is well and every worker lives; what is open can end.
    void clear_up();
    /// One call of each model that somebody offers; all must succeed.
    void last_calls();
    void check_end();
    /// Ends the room. False: it did not end.
    bool stop();
    [[nodiscard]] std::uint64_t digest() const { return digest_; }

    sim::Random random;
    stores::VirtualTime time;
    Referee referee;

  private:
    class Watcher;

    void note(std::string_view what, std::string_view of);
    void settle();
    [[nodiscard]] std::string any_server();
    void submit(const std::string& model, bool durable, bool streamed);
    void drop_somebody();
    void change_mood();
    void change_spec();
    void put(UpstreamSpec spec);
    void remove();
    void test();
    void disturb_worker();
    void beat(std::size_t which);
    void enroll(Worker& worker);
    void listen_later(Worker& worker);
    void sweep();
    [[nodiscard]] UpstreamSpec new_spec(const std::string& name);

    bool trace_;
    bool closed_ = false;
    std::uint64_t digest_ = 14695981039346656037ULL;
    std::map<std::string, Site> sites_;
    std::vector<Worker> workers_;
    std::vector<JobId> jobs_;
    const TenantId tenant_{"system"};

    Loop loop_{"core"};
    IdSource ids_;
    stores::MemoryDisk disk_;
    stores::MemoryJobLog log_;
    stores::MemoryBlobStore blobs_;
    catalog::Catalog catalog_;
    jobs::CoreObserver observer_;
    jobs::Core core_;
    http::GuardedFetch fetch_{http::FetchSettings{}};
    MomentaryStore store_;
    telemetry::Registry metrics_;
    Upstreams room_;
    fastchat::Settings fastchat_;
    fastchat::Registry registry_;
};

}  // namespace headrace::sim_upstreams

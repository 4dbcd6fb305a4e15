#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "access/refusal.hpp"
#include "base/clock.hpp"
#include "jobs/observer.hpp"
#include "main/redaction.hpp"
#include "main/refusal_quota.hpp"
#include "main/request_files.hpp"
#include "telemetry/metrics.hpp"

namespace headrace::access {
class KeyRing;
}

namespace headrace::main {

struct RequestLogSettings {
    bool enabled = false;
    std::filesystem::path folder;
    bool bodies = false;                     // what was asked and said, too
    std::size_t body_bytes = 4'096;          // of each, after redaction
    std::vector<std::string> redact;         // patterns
    std::uint32_t keep_days = 14;            // whole days before today
    std::uint64_t file_bytes = 64ULL << 20;  // then a day's next file begins
};

/// One JSON line for each call of a language model, also for one that was refused before it was a
/// job, by a caller whose key was proven. record() costs the core a copy of the record;
/// decoding, redaction and disk are a thread's of its own. A disk that does not keep up costs
/// lines, counted in headrace_request_log_dropped_total, and never a job.
class RequestLog {
  public:
    static constexpr std::size_t kMostWaiting = 10'000;
    static constexpr std::size_t kMostWaitingBytes = 64 << 20;  // of bodies

    /// Error: the folder cannot be used, or a pattern is none. What is too old is removed.
    /// `keys` tells a key's app and user; null: nobody does. It outlives the log.
    static Result<std::unique_ptr<RequestLog>> open(RequestLogSettings settings,
                                                    telemetry::Registry& registry,
                                                    const Clock& clock,
                                                    const access::KeyRing* keys = nullptr);
    /// Writes what waits.
    ~RequestLog();

    /// An ended job; `upstream`: the server that it went to, empty for an engine's; `parts`: of its
    /// streamed output, where wants_parts(). On the core's loop.
    void record(const jobs::JobRecord& job, const jobs::EndFacts& facts, std::string upstream,
                std::vector<std::string> parts = {});
    /// A call that got no job; RefusalQuota bounds how many have a line. Any thread.
    void refused(access::Refusal refusal);
    [[nodiscard]] bool wants_parts() const { return settings_.bodies; }

  private:
    struct Call {
        jobs::JobRecord job;  // without what its line does not need
        std::string trace;
        std::string model;
        bool embeds = false;
        std::string upstream;
        std::shared_ptr<const jobs::Payload> input;
        std::vector<std::string> parts;
        std::chrono::nanoseconds waited{};
        std::chrono::nanoseconds first{-1};
        std::chrono::nanoseconds after{};
        std::size_t bytes = 0;
    };
    struct Refused {
        WallMs at = 0;
        access::Refusal what;
        std::uint64_t left_out = 0;  // of its key, before this one
    };
    using Entry = std::variant<Call, Refused>;
    RequestLog(RequestLogSettings settings, RequestFiles files, Redaction redaction,
               telemetry::Registry& registry, const Clock& clock, const access::KeyRing* keys);
    void run();
    void write(const std::deque<Entry>& entries);
    void push(Entry entry, std::size_t bytes);
    void add_line(std::string& out, const Call& call) const;
    void add_line(std::string& out, const Refused& refused) const;
    void add_owners(std::string& out, const TenantId& tenant, const std::string& key) const;
    void add_bodies(std::string& out, const Call& call) const;
    void add_body(std::string& out, std::string_view name, std::string_view text) const;

    RequestLogSettings settings_;
    RequestFiles files_;
    Redaction redaction_;
    const Clock& clock_;
    const access::KeyRing* const keys_;
    telemetry::Counter& lines_;     // the thread's
    telemetry::Counter& failed_;    // the thread's
    telemetry::Counter& dropped_;   // who holds the mutex
    telemetry::Counter& left_out_;  // who holds the mutex
    std::string swept_;             // the day on which the old was last removed

    std::mutex mutex_;  // guards what follows; never held with another
    std::condition_variable changed_;
    RefusalQuota quota_;
    std::deque<Entry> waiting_;
    std::size_t waiting_bytes_ = 0;
    bool ended_ = false;
    std::thread thread_;
};

}  // namespace headrace::main

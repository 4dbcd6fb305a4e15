#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/values.hpp"
#include "engines/host/inbox.hpp"
#include "engines/host/outputs.hpp"
#include "link/window.hpp"

namespace headrace::wire {
class Frame;
class JobRef;
class LeasedJob;
}  // namespace headrace::wire

namespace headrace::engines::host {

class Outbox;

/// One lease, as the link names it.
struct Ref {
    std::array<char, 16> job{};
    std::uint64_t epoch = 0;
    std::uint64_t counter = 0;
    auto operator<=>(const Ref&) const = default;
    static Ref from(const wire::JobRef& wire);
    void write(wire::JobRef& wire) const;
};

struct Failed {
    std::string code;
    std::string message;
    bool retryable = false;
};

struct Meters {
    std::string name;
    double value = 0;
};

/// One leased job in the host. The reader's thread feeds it (inbox, steps, window, cancel), one
/// slot's thread runs the engine on it.
class Job {
  public:
    Job(const wire::LeasedJob& lease, const catalog::Interface& interface, Outbox& outbox,
        std::uint64_t window);

    const Ref ref;
    const std::uint32_t attempt;
    const bool session;
    const bool wants_stream;
    const std::string id;  // UUID text
    const std::string traceparent;

    // --- the reader's thread ---------------------------------------------------------------------
    Inbox inbox;
    /// More input was taken in: returns room to the server, small amounts gathered.
    void consumed(std::uint64_t bytes, bool now);
    void add_step(std::string values, bool last);
    void grant(std::uint64_t bytes);
    void cancel();
    /// The server has refused the lease: nothing of it is sent any more.
    void forget() { forgotten_ = true; }
    bool running = false;  // guarded by the host's registry lock: the engine has it

    // --- the slot's thread -----------------------------------------------------------------------
    [[nodiscard]] bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool forgotten() const { return forgotten_.load(std::memory_order_relaxed); }
    /// Decodes the inputs; once, before the engine sees the job.
    Result<void> open();
    /// HR_OK, HR_END, HR_E_TIMEOUT or HR_E_CANCELLED; see engine.h.
    int next_input(int timeout_ms);
    /// Sends what is pending as a step; waits for room. HR_OK or HR_E_CANCELLED or HR_E_FAILED.
    int emit();
    /// Sends the values (when they are large) and the media of the result as chunks, and sets
    /// `values` and `values_size` to what the result carries. HR_OK or HR_E_CANCELLED.
    int send_result_parts(std::string& values, std::uint64_t& values_size);
    void progress(double fraction, std::string_view message);

    catalog::Values inputs;
    Outputs outputs;
    std::vector<Meters> meters;
    std::optional<Failed> failed;
    void* user_data = nullptr;

  private:
    bool take_window(std::uint64_t bytes);
    bool send_part(std::uint32_t number, std::string_view data);
    void send(const wire::Frame& frame);

    Outbox& outbox_;
    const std::uint64_t window_size_;
    std::uint64_t owed_ = 0;
    std::uint64_t steps_sent_ = 0;
    std::chrono::steady_clock::time_point last_progress_{};
    std::atomic<bool> cancelled_{false};
    std::atomic<bool> forgotten_{false};
    std::mutex mutex_;  // guards what follows; never held while sending
    std::condition_variable changed_;
    link::SendWindow window_;
    std::deque<std::string> steps_;
    bool input_ended_ = false;
};

}  // namespace headrace::engines::host

/// The handle of engine.h.
struct hr_job : headrace::engines::host::Job {
    using Job::Job;
};

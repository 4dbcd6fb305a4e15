#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/alarms.hpp"
#include "jobs/events.hpp"

namespace headrace::jobs {

namespace asio = boost::asio;

/// Wakes one waiting coroutine. Belongs to one loop; made on any thread.
class Bell {
  public:
    explicit Bell(const asio::any_io_executor& executor);
    void ring();
    /// Ends at ring(), at once when it rang since the last wait, or after `within`, some years at the
    /// most. True: it rang.
    asio::awaitable<bool> wait(std::chrono::milliseconds within);

  private:
    friend class EndWatcher;
    auto rings(std::chrono::milliseconds within);
    void wake();

    Alarms& alarms_;
    Alarms::Ticket ticket_{};
    bool waits_ = false;
    bool rang_ = false;
};

/// Waits for a job's end and for nothing else.
class EndWatcher final : public JobWatcher {
  public:
    explicit EndWatcher(const asio::any_io_executor& executor) : bell_(executor) {}
    void on_event(const std::shared_ptr<const JobEvent>& event) override;
    [[nodiscard]] bool wants_outputs() const override { return false; }
    /// The client is gone.
    void hang_up();

    enum class Outcome { ended, ran_out, gone };
    asio::awaitable<Outcome> wait(std::chrono::milliseconds within);
    /// The final record, once ended.
    [[nodiscard]] const std::shared_ptr<const JobRecord>& record() const { return record_; }

  private:
    Bell bell_;
    std::shared_ptr<const JobRecord> record_;
    bool gone_ = false;
};

/// Holds a job's events until their reader takes them, within bounds.
class EventFeed final : public JobWatcher {
  public:
    using Event = std::shared_ptr<const JobEvent>;
    /// A reader that is further behind than this is dropped; it may come back with its last id.
    static constexpr std::size_t kMaxEvents = 4096;
    static constexpr std::size_t kMaxBytes = 4 << 20;

    explicit EventFeed(const asio::any_io_executor& executor) : bell_(executor) {}
    void on_event(const Event& event) override;
    void hang_up();
    /// All that has come, after at most `within`; empty: nothing came.
    asio::awaitable<std::vector<Event>> take(std::chrono::milliseconds within);
    /// take() would not wait.
    [[nodiscard]] bool ready() const { return !events_.empty() || gone_ || overrun_; }
    [[nodiscard]] bool gone() const { return gone_; }
    [[nodiscard]] bool overrun() const { return overrun_; }

  private:
    Bell bell_;
    std::vector<Event> events_;
    std::size_t bytes_ = 0;
    bool gone_ = false;
    bool overrun_ = false;
};

/// Bytes of streamed output in an event: what its reader gives back to the job's window.
std::uint64_t output_bytes(const JobEvent& event);

}  // namespace headrace::jobs

#pragma once
// Internal: one leased job on its way to a server and back.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "catalog/values.hpp"
#include "jobs/worker_port.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/outside.hpp"
#include "upstreams/room.hpp"
#include "upstreams/server.hpp"

namespace headrace::upstreams {

class PoolWorker;

/// Takes the answer for one job: sends its parts to the core while somebody listens, keeps what the
/// result must hold. Core's loop.
class Running final : public CallSink {
  public:
    Running(Room& room, PoolWorker& pool, jobs::Grant grant);

    bool append(std::string_view output, std::string_view part) override;
    bool pass_on(std::string_view output, std::string_view part) override;
    [[nodiscard]] bool has_room() const override;
    asio::awaitable<void> room() override;

    /// Ends when ring() was called, or after `within`.
    asio::awaitable<void> wait(std::chrono::milliseconds within);
    void ring();
    /// The caller has taken bytes that were streamed.
    void taken(std::uint64_t bytes);
    /// Nothing is told to the core any more, and the server is let go.
    void drop();

    /// The appended outputs, for the result.
    void move_kept(catalog::Values& to);

    const jobs::Grant grant;
    Abort abort;
    ServerPtr server;  // that is called now
    std::vector<ServerPtr> tried;
    SteadyTime begun_at{};   // of the call under way
    SteadyTime total_due{};  // when the call has taken too long; 0 = no call
    bool timed_out = false;
    bool begun = false;  // a part of the answer has come
    bool ended = false;
    bool held = false;  // waits for a server to come back
    std::string too_large;

  private:
    bool give(std::string_view output, std::string_view part, bool keep);

    Room& room_;
    PoolWorker& pool_;
    std::optional<Timer> bell_;  // made when something is waited for: a whole answer needs none
    bool rung_ = false;
    bool unpaced_ = false;
    bool stalled_ = false;  // room() waits
    std::uint64_t sent_ = 0;
    std::uint64_t taken_ = 0;
    std::size_t kept_bytes_ = 0;
    std::vector<std::pair<std::string, std::string>> kept_;
};

using RunningPtr = std::shared_ptr<Running>;

}  // namespace headrace::upstreams

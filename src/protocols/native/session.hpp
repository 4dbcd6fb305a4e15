#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <boost/asio/awaitable.hpp>

#include "access/principal.hpp"
#include "base/json.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "http/websocket.hpp"
#include "jobs/service.hpp"
#include "jobs/waiting.hpp"
#include "protocols/native/job_json.hpp"
#include "protocols/native/parts.hpp"

namespace headrace::protocols::native {

class JobPermit;

/// One WebSocket that is one job in stream mode. Lives on one loop, shared by its two coroutines:
/// when one is cut short, the other still finds what it stands on.
///
/// One coroutine reads frames into the job's input and stands still while the job's window is
/// used up; the other writes outputs and is the only one that writes or closes. Whoever finds the
/// client at fault leaves the error and wakes the writer.
class Session : public std::enable_shared_from_this<Session> {
  public:
    struct Opening {
        std::shared_ptr<const access::Principal> who;
        catalog::VersionPtr version;
        std::string traceparent;
        std::string origin;
        std::shared_ptr<JobPermit> permit;  // null where nothing is limited
    };
    Session(Site& site, Opening opening, std::unique_ptr<http::WebSocket> socket);
    /// Ends when the connection has.
    asio::awaitable<void> run(std::shared_ptr<Session> self);

  private:
    asio::awaitable<bool> open();
    asio::awaitable<Result<jobs::Submission>> read_opening();
    asio::awaitable<void> read_inputs(std::shared_ptr<Session> self);
    void leave();
    asio::awaitable<Result<bool>> take_frame(http::WebSocketMessage message);
    Result<catalog::Values> values_of_text(const std::string& text, bool& last);
    Result<catalog::Values> values_of_binary(std::string bytes) const;
    [[nodiscard]] std::optional<Error> why_over(bool nothing_came) const;
    asio::awaitable<void> write_outputs();
    asio::awaitable<bool> write_event(const jobs::JobEvent& event);
    asio::awaitable<bool> write_step(catalog::Values values, bool last);
    asio::awaitable<void> finish(const jobs::JobRecord& job);
    asio::awaitable<void> close_with(const Error& error);

    Site& site_;
    Opening opening_;
    std::unique_ptr<http::WebSocket> socket_;
    std::shared_ptr<jobs::EventFeed> feed_;
    Links links_;
    std::optional<JobId> job_;  // once accepted
    std::int64_t last_seq_ = 0;
    std::optional<Error> fault_;      // the client's
    std::set<std::string> streamed_;  // outputs that were sent in part already
    bool last_sent_ = false;
};

}  // namespace headrace::protocols::native

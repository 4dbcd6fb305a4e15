#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "base/unique_function.hpp"
#include "engines/supervisor.hpp"
#include "http/url.hpp"
#include "link/channel.hpp"
#include "link/credit_ledger.hpp"
#include "link/frame.pb.h"
#include "link/replay.hpp"
#include "workers/agent/backoff.hpp"
#include "workers/agent/held_leases.hpp"
#include "workers/agent/settings.hpp"

namespace headrace::workers::agent {

/// One host process and its way to the server. Ends with the process; the connection to the server
/// may be exchanged any number of times before. Belongs to the agent's loop.
class HostLink final : public std::enable_shared_from_this<HostLink> {
  public:
    struct Events {
        UniqueFunction<void()> ready;                   // the host has offered its slots
        UniqueFunction<void(const std::string&)> kill;  // end the process
        UniqueFunction<void(HostLink&)> gone;           // nothing is left to be done
    };
    HostLink(const Settings& settings, const http::Url& url, Loop& loop, TaskGroup& tasks,
             engines::StartedHost host, Events events);
    ~HostLink();

    void start();
    /// The process is gone; its last frames are still carried.
    void process_ended(const std::string& reason);
    /// Ends at once.
    void close();

    [[nodiscard]] std::uint64_t id() const { return host_id_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool linked() const { return welcomed_; }
    [[nodiscard]] std::size_t held() const { return held_.size(); }

  private:
    using Self = std::shared_ptr<HostLink>;
    /// One side's frames, brought to the member that handles them.
    struct Side final : link::ChannelReceiver {
        HostLink* owner = nullptr;
        void (HostLink::*frame)(wire::Frame&, std::string_view) = nullptr;
        void (HostLink::*closed)(const link::CloseReason&) = nullptr;
        void on_frame(wire::Frame& got, std::string_view bytes) override {
            (owner->*frame)(got, bytes);
        }
        void on_closed(const link::CloseReason& reason) override { (owner->*closed)(reason); }
    };

    void from_host(wire::Frame& frame, std::string_view bytes);
    void host_closed(const link::CloseReason& reason);
    void from_server(wire::Frame& frame, std::string_view bytes);
    void server_closed(const link::CloseReason& reason);

    void to_server(const wire::Frame& frame, std::string_view bytes);
    void dial_in(std::chrono::milliseconds pause);
    asio::awaitable<void> dial(Self self, std::chrono::milliseconds pause);
    void send_hello();
    void on_welcome(const wire::Frame& frame);
    void resumed(const wire::Frame& frame);
    void started_anew(const wire::Welcome& welcome);
    void cancel_at_host(const wire::JobRef& ref);
    void drop_channel();
    void depart();
    void finish(const std::string& reason);

    const Settings& settings_;
    const http::Url& url_;
    Loop& loop_;
    TaskGroup& tasks_;
    Events events_;
    const std::uint64_t host_id_;
    const std::string name_;
    const std::shared_ptr<const catalog::EngineSpec> spec_;
    Side host_side_;
    Side server_side_;
    std::unique_ptr<link::Channel> host_;
    std::unique_ptr<link::Channel> server_;  // null while there is no connection
    std::unique_ptr<link::Replay> replay_;
    const std::vector<std::string> gpus_;
    std::optional<wire::Hello> hello_;  // the host's
    std::string worker_;                // of the last welcome
    std::string complaint_;             // the last that was logged
    HeldLeases held_;
    link::CreditLedger credit_;
    std::vector<std::pair<std::string, bool>>
        waiting_;  // frames for the server, and whether urgent
    Backoff backoff_;
    asio::steady_timer timer_;
    std::string ended_;  // how the process ended
    int patience_ = 0;   // turns that the last frames still have
    bool host_open_ = true;
    bool greeted_host_ = false;  // it has had a welcome
    bool welcomed_ = false;
    bool ready_ = false;
    bool over_ = false;
};

}  // namespace headrace::workers::agent

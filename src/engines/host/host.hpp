#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "catalog/interface.hpp"
#include "engines/host/baton.hpp"
#include "engines/host/frame_reader.hpp"
#include "engines/host/library.hpp"
#include "engines/host/outbox.hpp"
#include "engines/host/registry.hpp"
#include "engines/host/slots.hpp"
#include "link/protocol.hpp"

namespace headrace::wire {
class Cancel;
class Input;
class Lease;
class Start;
class Welcome;
}  // namespace headrace::wire

namespace headrace::engines::host {

/// One native engine in a process of its own. Threads: the main one loads the engine, then sends a
/// sign of life now and then and waits for SIGTERM; the reader takes every frame off the link; each
/// slot runs the engine. With one slot the reader runs it, and a second thread stands in for it as
/// reader while a call takes long. The end of the link ends the process at once, whatever its
/// threads do.
class Host {
  public:
    explicit Host(int socket);
    /// Greets, loads and serves until drained. Returns the exit status: 0 drained, 3 the engine
    /// could not be loaded, 4 the link broke its rules.
    int run();

  private:
    static constexpr int kDrained = 0;
    static constexpr int kLoadFailed = 3;
    static constexpr int kBrokenLink = 4;

    Result<void> greet();
    void send_hello(const wire::Start& start);
    /// Reads and handles one frame; ends the process when there is no more to read.
    void read_one();
    void read_all();
    void run_waiting();
    void stand_in();
    Result<void> handle(wire::Frame& frame);
    Result<void> on_lease(wire::Lease& lease);
    Result<void> on_input(wire::Input& input);
    Result<void> on_chunk(hr_job& job, wire::Input& input);
    void on_cancel(const wire::Cancel& cancel);
    void cancel(const Ref& ref, bool forget);
    void arrived(const Ref& ref);
    void watch(std::chrono::milliseconds interval);

    FrameReader reader_;
    Outbox outbox_;
    Registry registry_;
    catalog::Interface interface_;
    // Of the start frame; the strings outlive the engine, which may keep pointers into the config.
    std::string capability_, version_, directory_, entry_, interface_text_, name_, settings_;
    std::uint32_t slots_count_ = 1;
    std::uint32_t max_batch_ = 1;
    std::uint32_t heartbeat_ms_ = 5'000;
    std::uint64_t window_ = 256 * 1024;
    std::optional<Library> engine_;
    std::unique_ptr<Slots> slots_;
    std::atomic<bool> loaded_{false};  // engine_ and slots_ are set: leases may come
    link::ProtocolCheck check_{link::Speaker::server};  // the reader's
    bool may_run_ = false;                              // the reader's: batches may wait to be run
    Baton baton_;
    std::thread reading_;
    std::thread standing_in_;
    /// The reader's: batches whose parts have not all come, by each of the jobs that wait.
    std::map<Ref, std::shared_ptr<std::unique_ptr<Batch>>> incomplete_;
};

}  // namespace headrace::engines::host

#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace headrace::link {

/// Lets a link outlive its connection: numbers what is sent, keeps it until it was acknowledged,
/// and notices what came twice. One per side; outlives the channels that use it one after the
/// other.
class Replay {
  public:
    explicit Replay(std::size_t most_bytes) : most_bytes_(most_bytes) {}

    /// Numbers the frames of a batch (hello, welcome and ping excepted), keeps them and returns the
    /// batch as it is to be written.
    std::string stamp(std::string_view batch);
    /// What was sent and not acknowledged, as a batch that is stamped already.
    [[nodiscard]] std::string unacknowledged() const;

    enum class Received { fresh, again, gap };
    Received receive(std::uint64_t seq, std::uint64_t ack, std::size_t bytes);
    /// The other side has everything up to this number.
    void acknowledged(std::uint64_t ack);
    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// Everything that was sent is acknowledged.
    [[nodiscard]] bool is_settled() const { return kept_.empty(); }
    /// Enough has come to be worth an acknowledgement of its own.
    [[nodiscard]] bool owes_ack() const { return owed_bytes_ >= kAckEvery; }
    /// More was kept than there is room for: the link cannot be resumed any more.
    [[nodiscard]] bool overflowed() const { return overflowed_; }

  private:
    static constexpr std::size_t kAckEvery = 128 * 1024;

    struct Kept {
        std::uint64_t seq;
        std::string frame;  // stamped
    };
    std::size_t most_bytes_;
    std::deque<Kept> kept_;
    std::size_t kept_bytes_ = 0;
    std::uint64_t next_ = 1;
    std::uint64_t received_ = 0;
    std::size_t owed_bytes_ = 0;
    bool overflowed_ = false;
};

/// True for a serialized frame that begins with a hello, welcome or ping, or is empty: never
/// numbered.
bool is_unnumbered(std::string_view frame);

}  // namespace headrace::link

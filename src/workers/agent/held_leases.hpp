#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <set>
#include <string>

namespace headrace::wire {
class Frame;
class Hello;
class JobRef;
}  // namespace headrace::wire

namespace headrace::workers::agent {

/// The leases of one host, as the frames that pass tell them. A lease whose result has been sent
/// stays until the server has acknowledged that, because after a lost link it may come again. Pure.
class HeldLeases {
  public:
    void from_server(const wire::Frame& frame);
    void from_host(const wire::Frame& frame);
    /// The server has acknowledged everything that was sent.
    void settled() { sent_.clear(); }
    /// Names them in a hello.
    void write(wire::Hello& hello) const;
    void drop(const wire::JobRef& ref);
    void clear();
    [[nodiscard]] std::size_t size() const { return held_.size(); }
    /// Visits those that are running still.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const auto& key : held_) visit(key.job, key.epoch, key.counter);
    }

  private:
    struct Key {
        std::string job;
        std::uint64_t epoch = 0;
        std::uint64_t counter = 0;
        auto operator<=>(const Key&) const = default;
    };
    static Key key_of(const wire::JobRef& ref);
    void end(const wire::JobRef& ref);

    std::set<Key> held_;
    std::deque<Key> sent_;
};

}  // namespace headrace::workers::agent

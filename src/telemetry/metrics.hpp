#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace prometheus {
struct MetricFamily;
}

/// Metrics that cost the hot path a plain add: every writer has a cell of its own and keeps a
/// reference to it; cells with the same labels are summed when somebody scrapes.
namespace headrace::telemetry {

/// One writer's count. add() from one thread only; read from any.
class Counter {
  public:
    void add(std::uint64_t count = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// A value that goes up and down. Any thread.
class Gauge {
  public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_{0};
};

/// Upper bounds in seconds, from 1 ms to 10 min: one set for every duration, so that they compare.
inline constexpr std::array kSeconds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,   0.25,  0.5,
                                     1.0,   2.5,    5.0,   10.0, 30.0,  60.0, 120.0, 300.0, 600.0};
/// Upper bounds of counts, such as writes in one commit.
inline constexpr std::array kCounts{1.0,  2.0,   4.0,   8.0,   16.0,  32.0,
                                    64.0, 128.0, 256.0, 512.0, 1024.0};

/// One writer's distribution. observe() from one thread only; read from any.
class Histogram {
  public:
    static constexpr std::size_t kMaxBounds = kSeconds.size();
    explicit Histogram(const std::vector<double>& bounds) : bounds_(bounds) {}
    void observe(double value);
    [[nodiscard]] std::uint64_t count(std::size_t bucket) const { return counts_[bucket].value(); }
    [[nodiscard]] double sum() const { return sum_.value(); }

  private:
    const std::vector<double>& bounds_;
    Gauge sum_;  // beside the counts of what is quick, which are written with it
    std::array<Counter, kMaxBounds + 1> counts_{};  // by bucket, the last one above every bound
};

using LabelValues = std::vector<std::string>;

/// One metric with its series. cell() takes a lock: call it once per writer and keep the reference,
/// which lives as long as the registry.
template <class Cell>
class Family {
  public:
    Family(std::string name, std::string help, std::vector<std::string> labels,
           std::vector<double> bounds);
    /// A new cell of the series with these values, one for each label name.
    Cell& cell(const LabelValues& values = {});
    /// Gauges only: these series in place of all others. A family that is replaced at each scrape
    /// gives out no cells.
    void replace(const std::vector<std::pair<LabelValues, double>>& series) requires
        std::same_as<Cell, Gauge>;

  private:
    friend class Registry;

    std::string name_;
    std::string help_;
    std::vector<std::string> labels_;
    std::vector<double> bounds_;
    mutable std::mutex mutex_;  // guards series_; never held with another
    std::map<LabelValues, std::deque<Cell>> series_;
};

/// All metrics of the process. Families are made at start; render() may be called from any thread.
class Registry {
  public:
    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// Names follow Prometheus: `headrace_` first, base units, `_total` for counters.
    Family<Counter>& counter(std::string name, std::string help,
                             std::vector<std::string> labels = {});
    Family<Gauge>& gauge(std::string name, std::string help, std::vector<std::string> labels = {});
    Family<Histogram>& histogram(std::string name, std::string help,
                                 std::vector<std::string> labels = {},
                                 std::span<const double> bounds = kSeconds);
    /// A counter without labels that something else keeps: `read` runs at each render().
    void read_counter(std::string name, std::string help, std::function<double()> read);
    /// Runs at the start of each render(), on its thread: for values that are read, not kept.
    void on_render(std::function<void()> read);

    /// The text format, version 0.0.4.
    [[nodiscard]] std::string render() const;

  private:
    struct Families;
    template <class Cell>
    static void collect(const Family<Cell>& family, std::vector<prometheus::MetricFamily>& out);
    std::unique_ptr<Families> families_;
};

/// Keeps a label's values few: the first `limit` names stay, every later one counts as "other".
/// Thread-safe.
class LabelCap {
  public:
    explicit LabelCap(std::size_t limit) : limit_(limit) {}
    std::string operator()(const std::string& name);

  private:
    std::size_t limit_;
    std::mutex mutex_;  // guards names_
    std::set<std::string> names_;
};

}  // namespace headrace::telemetry

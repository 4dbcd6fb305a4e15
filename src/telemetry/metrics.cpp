#include "telemetry/metrics.hpp"

#include <limits>
#include <list>
#include <sstream>
#include <stdexcept>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace headrace::telemetry {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

template <class Cell>
constexpr MetricType kType = MetricType::Untyped;
template <>
constexpr MetricType kType<Counter> = MetricType::Counter;
template <>
constexpr MetricType kType<Gauge> = MetricType::Gauge;
template <>
constexpr MetricType kType<Histogram> = MetricType::Histogram;

void sum(ClientMetric& out, const std::deque<Counter>& cells, const std::vector<double>&) {
    for (const auto& cell : cells) out.counter.value += static_cast<double>(cell.value());
}

void sum(ClientMetric& out, const std::deque<Gauge>& cells, const std::vector<double>&) {
    for (const auto& cell : cells) out.gauge.value += cell.value();
}

void sum(ClientMetric& out, const std::deque<Histogram>& cells, const std::vector<double>& bounds) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= bounds.size(); ++i) {
        for (const auto& cell : cells) below += cell.count(i);
        ClientMetric::Bucket bucket;
        bucket.cumulative_count = below;
        bucket.upper_bound =
            i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
        out.histogram.bucket.push_back(bucket);
    }
    out.histogram.sample_count = below;
    for (const auto& cell : cells) out.histogram.sample_sum += cell.sum();
}

}  // namespace

void Histogram::observe(double value) {
    std::size_t bucket = 0;
    while (bucket < bounds_.size() && value > bounds_[bucket]) ++bucket;
    counts_[bucket].add();
    sum_.set(sum_.value() + value);
}

template <class Cell>
Family<Cell>::Family(std::string name, std::string help, std::vector<std::string> labels,
                     std::vector<double> bounds)
    : name_(std::move(name)),
      help_(std::move(help)),
      labels_(std::move(labels)),
      bounds_(std::move(bounds)) {}

template <class Cell>
Cell& Family<Cell>::cell(const LabelValues& values) {
    if (values.size() != labels_.size()) throw std::logic_error("labels of " + name_);
    const std::lock_guard lock(mutex_);
    auto& cells = series_[values];
    if constexpr (std::is_same_v<Cell, Histogram>)
        return cells.emplace_back(bounds_);
    else
        return cells.emplace_back();
}

template <class Cell>
void Family<Cell>::replace(
    const std::vector<std::pair<LabelValues, double>>& series) requires std::same_as<Cell, Gauge> {
    const std::lock_guard lock(mutex_);
    series_.clear();
    for (const auto& [values, value] : series) {
        auto& cells = series_[values];
        if (cells.empty()) cells.emplace_back();
        cells.front().set(cells.front().value() + value);
    }
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::Families {
    // Lists keep what they hold in place: callers have references.
    std::list<Family<Counter>> counters;
    std::list<Family<Gauge>> gauges;
    std::list<Family<Histogram>> histograms;
    struct Read {
        std::string name;
        std::string help;
        std::function<double()> value;
    };
    std::vector<Read> read_counters;
    std::vector<std::function<void()>> readers;
};

Registry::Registry() : families_(std::make_unique<Families>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::counter(std::string name, std::string help,
                                   std::vector<std::string> labels) {
    return families_->counters.emplace_back(std::move(name), std::move(help), std::move(labels),
                                            std::vector<double>{});
}

Family<Gauge>& Registry::gauge(std::string name, std::string help,
                               std::vector<std::string> labels) {
    return families_->gauges.emplace_back(std::move(name), std::move(help), std::move(labels),
                                          std::vector<double>{});
}

Family<Histogram>& Registry::histogram(std::string name, std::string help,
                                       std::vector<std::string> labels,
                                       std::span<const double> bounds) {
    return families_->histograms.emplace_back(std::move(name), std::move(help), std::move(labels),
                                              std::vector<double>(bounds.begin(), bounds.end()));
}

void Registry::read_counter(std::string name, std::string help, std::function<double()> read) {
    families_->read_counters.push_back({std::move(name), std::move(help), std::move(read)});
}

void Registry::on_render(std::function<void()> read) {
    families_->readers.push_back(std::move(read));
}

template <class Cell>
void Registry::collect(const Family<Cell>& family, std::vector<MetricFamily>& out) {
    MetricFamily collected;
    collected.name = family.name_;
    collected.help = family.help_;
    collected.type = kType<Cell>;
    const std::lock_guard lock(family.mutex_);
    for (const auto& [values, cells] : family.series_) {
        ClientMetric metric;
        for (std::size_t i = 0; i < values.size(); ++i) {
            metric.label.push_back({family.labels_[i], values[i]});
        }
        sum(metric, cells, family.bounds_);
        collected.metric.push_back(std::move(metric));
    }
    if (!collected.metric.empty()) out.push_back(std::move(collected));
}

std::string Registry::render() const {
    for (const auto& read : families_->readers) read();
    std::vector<MetricFamily> out;
    for (const auto& counter : families_->read_counters) {
        MetricFamily family{counter.name, counter.help, MetricType::Counter, {}};
        family.metric.emplace_back().counter.value = counter.value();
        out.push_back(std::move(family));
    }
    for (const auto& family : families_->counters) collect(family, out);
    for (const auto& family : families_->gauges) collect(family, out);
    for (const auto& family : families_->histograms) collect(family, out);
    std::ostringstream text;
    prometheus::TextSerializer().Serialize(text, out);
    return std::move(text).str();
}

std::string LabelCap::operator()(const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (names_.contains(name)) return name;
    if (names_.size() >= limit_) return "other";
    names_.insert(name);
    return name;
}

}  // namespace headrace::telemetry

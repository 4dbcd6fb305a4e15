// Durable writes per second: a job log, or with --raw a plain group-commit writer of the same rows,
// which is what the disk and the database give. The last line of output is JSON.
#include "raw_writers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <stdexcept>
#include <vector>

#include <sys/resource.h>

#include "access/keys.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "stores/postgres/job_log.hpp"
#include "stores/sqlite/job_log.hpp"

namespace headrace {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Options {
    bool raw = false;
    bool finish = false;  // also end every job
    bool keys = false;    // authenticate() instead
    double seconds = 5;
    std::size_t writers = 64;
    std::size_t bytes = 512;
    std::string dir = "store-bench";
    std::string postgres;  // address of a database, in place of SQLite in `dir`
};

double cpu_seconds() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void report(const char* what, double rows, double seconds, double cpu,
            std::vector<double> latencies_us) {
    std::sort(latencies_us.begin(), latencies_us.end());
    const auto at = [&](double share) {
        if (latencies_us.empty()) return 0.0;
        return latencies_us[static_cast<std::size_t>(share *
                                                     static_cast<double>(latencies_us.size() - 1))];
    };
    std::printf(
        "{\"what\":\"%s\",\"rows_per_second\":%.0f,\"cpu_us_per_row\":%.2f,\"p50_us\":%.0f,"
        "\"p99_us\":%.0f}\n",
        what, rows / seconds, cpu * 1e6 / rows, at(0.5), at(0.99));
}

/// Nothing but the inserts and the syncs: rows of that size, `writers` a commit.
void run_raw(const Options& options) {
    const SystemClock clock;
    IdSource ids(clock);
    const std::string row(options.bytes, 'x');
    const auto writer = options.postgres.empty() ? bench::raw_sqlite(options.dir + "/raw.db")
                                                 : bench::raw_postgres(options.postgres);
    std::vector<Uuid> batch(options.writers);
    std::vector<double> latencies;
    double rows = 0;
    const double cpu = cpu_seconds();
    const auto begin = SteadyClock::now();
    auto now = begin;
    while (std::chrono::duration<double>(now - begin).count() < options.seconds) {
        for (auto& id : batch) id = ids.next();
        writer->commit(batch, row);
        const auto end = SteadyClock::now();
        latencies.push_back(std::chrono::duration<double, std::micro>(end - now).count());
        now = end;
        rows += static_cast<double>(options.writers);
    }
    report("raw", rows, std::chrono::duration<double>(now - begin).count(), cpu_seconds() - cpu,
           latencies);
}

/// As many callers on one loop as there are writers: each sends its next job when the last is on
/// disk.
class Callers {
  public:
    Callers(const Options& options, stores::JobStore& log)
        : options_(options), log_(log), ids_(clock_), row_(options.bytes, 'x') {}

    void run() {
        const double cpu = cpu_seconds();
        begin_ = SteadyClock::now();
        loop_.post([this] {
            for (std::size_t i = 0; i < options_.writers; ++i) submit();
        });
        loop_.run();
        const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin_).count();
        report(options_.finish ? "accept and finish" : "accept", rows_, seconds,
               cpu_seconds() - cpu, latencies_);
    }

  private:
    void submit() {
        auto record = std::make_shared<jobs::JobRecord>();
        record->id = ids_.make<JobId>();
        record->tenant = TenantId("default");
        record->caller = "abcdefghijkm";
        record->capability = "echo";
        record->version = "1.0.0";
        record->created_at = clock_.wall();
        auto input = std::make_shared<jobs::Payload>();
        // What the other columns of a row come to is taken off, so that both write rows of one
        // size.
        input->values = row_.substr(0, row_.size() - std::min<std::size_t>(row_.size(), 100));
        record->input = std::move(input);
        const auto sent = SteadyClock::now();
        jobs::LogWrite write{jobs::LogWrite::Kind::accept, record, {}, {}};
        log_.write(std::move(write), [this, sent, record](Result<void> stored) {
            if (!stored) throw std::runtime_error(stored.error().message);
            if (options_.finish)
                finish(*record, sent);
            else
                next(sent);
        });
    }

    void finish(const jobs::JobRecord& accepted, SteadyClock::time_point sent) {
        auto record = std::make_shared<jobs::JobRecord>(accepted);
        record->state = jobs::JobState::succeeded;
        record->finished_at = clock_.wall();
        record->output = record->input;
        jobs::UsageRecord usage{record->id,
                                record->tenant,
                                record->caller,
                                record->capability,
                                record->version,
                                record->state,
                                1,
                                1,
                                1,
                                {},
                                record->finished_at};
        jobs::LogWrite write{jobs::LogWrite::Kind::finish,
                             std::move(record),
                             {},
                             std::make_shared<jobs::UsageRecord>(std::move(usage))};
        log_.write(std::move(write), [this, sent](Result<void> stored) {
            if (!stored) throw std::runtime_error(stored.error().message);
            next(sent);
        });
    }

    void next(SteadyClock::time_point sent) {
        const auto now = SteadyClock::now();
        latencies_.push_back(std::chrono::duration<double, std::micro>(now - sent).count());
        rows_ += 1;
        if (std::chrono::duration<double>(now - begin_).count() < options_.seconds)
            submit();
        else
            loop_.stop();
    }

    Options options_;
    stores::JobStore& log_;
    SystemClock clock_;
    IdSource ids_;
    Loop loop_{"bench"};
    std::string row_;
    std::vector<double> latencies_;
    double rows_ = 0;
    SteadyClock::time_point begin_;
};

std::unique_ptr<stores::JobStore> open_sqlite(const Options& options, const Clock& clock) {
    stores::JobLogSettings settings;
    settings.low_water = {0, 0};
    auto log = stores::SqliteJobLog::open(options.dir + "/jobs.db", settings, clock);
    if (!log) throw std::runtime_error(log.error().message);
    return std::move(*log);
}

std::unique_ptr<stores::JobStore> open_postgres(const Options& options, const Clock& clock) {
    stores::PostgresSettings settings;
    settings.url = options.postgres;
    settings.node = "store_bench";
    auto log = stores::PostgresJobLog::open(settings, clock);
    if (!log) throw std::runtime_error(log.error().message);
    if (const auto epoch = (*log)->begin_epoch(); !epoch)
        throw std::runtime_error(epoch.error().message);
    return std::move(*log);
}

void run_job_log(const Options& options) {
    const SystemClock clock;
    const auto log =
        options.postgres.empty() ? open_sqlite(options, clock) : open_postgres(options, clock);
    Callers callers(options, *log);
    callers.run();
}

class NoKeys final : public access::KeyStore {
  public:
    Result<std::vector<access::KeyRecord>> load_all() override {
        return std::vector<access::KeyRecord>();
    }
    void save(access::KeyRecord, access::Done<void> done) override { done({}); }
    void revoke(TenantId, std::string, WallMs, access::Done<void> done) override { done({}); }
    void note_uses(std::vector<access::KeyUse>, access::Done<void> done) override { done({}); }
};

void run_keys(const Options& options) {
    const SystemClock clock;
    NoKeys store;
    access::KeyRing ring(store, clock);
    const auto key = ring.create_first_admin();
    const std::string text(key->key.reveal());
    double count = 0;
    const double cpu = cpu_seconds();
    const auto begin = SteadyClock::now();
    while (std::chrono::duration<double>(SteadyClock::now() - begin).count() < options.seconds) {
        for (int i = 0; i < 1000; ++i) {
            if (!ring.authenticate(text, access::kThisMachine)) throw std::runtime_error("refused");
        }
        count += 1000;
    }
    report("authenticate", count, std::chrono::duration<double>(SteadyClock::now() - begin).count(),
           cpu_seconds() - cpu, {});
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const auto value = [&] {
            if (i + 1 >= argc) throw std::runtime_error("a value is missing");
            return std::string(argv[++i]);
        };
        if (word == "--raw")
            options.raw = true;
        else if (word == "--finish")
            options.finish = true;
        else if (word == "--keys")
            options.keys = true;
        else if (word == "--seconds")
            options.seconds = std::stod(value());
        else if (word == "--writers")
            options.writers = std::stoul(value());
        else if (word == "--bytes")
            options.bytes = std::stoul(value());
        else if (word == "--dir")
            options.dir = value();
        else if (word == "--postgres")
            options.postgres = value();
        else
            throw std::runtime_error(
                "usage: store_bench [--raw | --finish | --keys] [--seconds S] "
                "[--writers N] [--bytes B] [--dir D] [--postgres URL]");
    }
    return options;
}

int run(int argc, char** argv) {
    const Options options = parse(argc, argv);
    std::filesystem::remove_all(options.dir);
    std::filesystem::create_directories(options.dir);
    if (options.keys)
        run_keys(options);
    else if (options.raw)
        run_raw(options);
    else
        run_job_log(options);
    std::filesystem::remove_all(options.dir);
    return 0;
}

}  // namespace
}  // namespace headrace

int main(int argc, char** argv) {
    try {
        return headrace::run(argc, argv);
    } catch (const std::exception& error) {
        std::cerr << "store_bench: " << error.what() << "\n";
        return 1;
    }
}

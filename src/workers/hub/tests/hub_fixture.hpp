#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/clock.hpp"
#include "base/loop.hpp"
#include "catalog/catalog.hpp"
#include "jobs/core.hpp"
#include "jobs/observer.hpp"
#include "link/channel.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"
#include "workers/hub/hub.hpp"

namespace headrace::workers::hub {

/// Says yes to every write, on the loop, and keeps nothing but files.
class YesLog final : public jobs::JobLog {
  public:
    explicit YesLog(Loop& loop) : loop_(loop) {}
    Result<std::uint64_t> begin_epoch() override { return 7; }
    Result<std::vector<jobs::JobRecord>> load_open() override { return std::vector<jobs::JobRecord>{}; }
    void write(jobs::LogWrite change, jobs::Done<void> done) override {
        for (auto& file : change.files) files.push_back(std::move(file));
        answer(std::move(done), Result<void>{});
    }
    void get(TenantId, JobId, jobs::Done<std::optional<jobs::JobRecord>> done) override {
        answer(std::move(done), std::optional<jobs::JobRecord>{});
    }
    void list(jobs::JobQuery, jobs::Done<std::vector<jobs::JobRecord>> done) override {
        answer(std::move(done), std::vector<jobs::JobRecord>{});
    }
    void load_input(TenantId, JobId, jobs::Done<std::shared_ptr<const jobs::Payload>> done) override {
        answer(std::move(done), std::shared_ptr<const jobs::Payload>{});
    }
    void find_idempotent(TenantId, std::string, jobs::Done<std::optional<jobs::JobRecord>> done) override {
        answer(std::move(done), std::optional<jobs::JobRecord>{});
    }
    void usage(jobs::UsageQuery, jobs::Done<std::vector<jobs::UsageRecord>> done) override {
        answer(std::move(done), std::vector<jobs::UsageRecord>{});
    }
    void put_file(jobs::FileRecord file, jobs::Done<void> done) override {
        files.push_back(std::move(file));
        answer(std::move(done), Result<void>{});
    }
    void get_file(TenantId, FileId, jobs::Done<std::optional<jobs::FileRecord>> done) override {
        answer(std::move(done), std::optional<jobs::FileRecord>{});
    }
    void remove_file(TenantId, FileId, jobs::Done<bool> done) override { answer(std::move(done), true); }

    std::vector<jobs::FileRecord> files;

  private:
    template <class T, class V>
    void answer(jobs::Done<T> done, V value) {
        loop_.post([done = std::move(done), value = std::move(value)]() mutable {
            done(Result<T>(std::move(value)));
        });
    }
    template <class T>
    void answer(jobs::Done<T> done, Result<T> value) {
        loop_.post([done = std::move(done), value = std::move(value)]() mutable { done(std::move(value)); });
    }
    Loop& loop_;
};

/// Blobs in memory; answers on the loop. `full` makes it refuse new ones.
class MemoryBlobs final : public jobs::BlobStore {
  public:
    explicit MemoryBlobs(Loop& loop) : loop_(loop) {}

    Result<std::unique_ptr<jobs::BlobSink>> create(const TenantId&) override {
        if (full) return fail(ErrorCode::unavailable, "the disk is full");
        return std::unique_ptr<jobs::BlobSink>(std::make_unique<Sink>(*this));
    }
    void open(const TenantId&, const jobs::BlobRef& blob,
              jobs::Done<std::unique_ptr<jobs::BlobSource>> done) override {
        const auto found = content.find(to_hex(blob.digest));
        loop_.post([this, found, done = std::move(done)]() mutable {
            if (found == content.end()) return done(fail(ErrorCode::not_found, "no such blob"));
            done(std::unique_ptr<jobs::BlobSource>(std::make_unique<Source>(*this, found->second)));
        });
    }
    jobs::BlobRef put(const std::string& bytes) {
        const auto digest = sha256(bytes);
        content[to_hex(digest)] = bytes;
        return {digest, bytes.size()};
    }

    std::map<std::string, std::string> content;  // by digest
    bool full = false;

  private:
    struct Sink final : jobs::BlobSink {
        explicit Sink(MemoryBlobs& to) : owner(to) {}
        void write(std::string piece, jobs::Done<void> done) override {
            bytes += piece;
            owner.loop_.post([done = std::move(done)]() mutable { done(Result<void>{}); });
        }
        void finish(bool, jobs::Done<jobs::BlobRef> done) override {
            owner.loop_.post([ref = owner.put(bytes), done = std::move(done)]() mutable { done(ref); });
        }
        MemoryBlobs& owner;
        std::string bytes;
    };
    struct Source final : jobs::BlobSource {
        Source(MemoryBlobs& from, const std::string& of) : owner(from), bytes(of) {}
        [[nodiscard]] std::uint64_t size() const override { return bytes.size(); }
        void read(std::uint64_t offset, std::size_t count, jobs::Done<std::string> done) override {
            owner.loop_.post([piece = bytes.substr(offset, count), done = std::move(done)]() mutable {
                done(std::move(piece));
            });
        }
        MemoryBlobs& owner;
        const std::string& bytes;
    };
    Loop& loop_;
};

class Events final : public jobs::JobWatcher {
  public:
    void on_event(const std::shared_ptr<const jobs::JobEvent>& event) override { all.push_back(event); }
    template <class T>
    const T* last() const {
        for (auto it = all.rbegin(); it != all.rend(); ++it) {
            if (const auto* found = std::get_if<T>(&(*it)->what)) return found;
        }
        return nullptr;
    }
    [[nodiscard]] const jobs::JobRecord* record() const {
        const auto* done = last<jobs::DoneEvent>();
        return done != nullptr ? done->record.get() : nullptr;
    }
    std::vector<std::shared_ptr<const jobs::JobEvent>> all;
};

/// The other end of a link, under the test's control.
class TestWorker final : public link::ChannelReceiver {
  public:
    TestWorker(Loop& loop, UniqueFd fd)
        : raw(fd.get()),
          channel(std::make_unique<link::Channel>(loop, link::make_unix_transport(loop, std::move(fd)))) {
        channel->start(*this);
    }
    void on_frame(wire::Frame& frame, std::string_view) override { frames.push_back(frame); }
    void on_closed(const link::CloseReason& reason) override { closed = reason.text; }

    template <class Has>
    const wire::Frame* find(Has has) const {
        for (const auto& frame : frames) {
            if ((frame.*has)()) return &frame;
        }
        return nullptr;
    }
    [[nodiscard]] const wire::LeasedJob& leased(std::size_t number = 0) const {
        for (const auto& frame : frames) {
            for (const auto& batch : frame.lease().batches()) {
                for (const auto& job : batch.jobs()) {
                    if (number-- == 0) return job;
                }
            }
        }
        static const wire::LeasedJob none;
        return none;
    }
    [[nodiscard]] std::size_t leases() const {
        std::size_t count = 0;
        for (const auto& frame : frames) {
            for (const auto& batch : frame.lease().batches()) count += static_cast<std::size_t>(batch.jobs_size());
        }
        return count;
    }
    void send(const wire::Frame& frame) { channel->send(frame); }
    void credit(std::uint32_t slots = 1) {
        wire::Frame frame;
        frame.mutable_credit()->add_offers(0);
        frame.mutable_credit()->set_slots(slots);
        send(frame);
    }
    void result(const wire::JobRef& ref, const catalog::Values& values) {
        wire::Frame frame;
        auto* one = frame.mutable_result()->add_results();
        *one->mutable_ref() = ref;
        one->set_values(catalog::encode(values));
        send(frame);
    }

    int raw;
    std::unique_ptr<link::Channel> channel;
    std::vector<wire::Frame> frames;
    std::optional<std::string> closed;
};

inline constexpr const char* kEcho =
    R"({"inputs":{"text":{"kind":"text"}},"outputs":{"text":{"kind":"text"}}})";

/// A hub over a real core, a catalog and memory.
class HubTest : public ::testing::Test {
  protected:
    HubTest()
        : ids(clock), log(loop), blobs(loop), catalog(clock, nullptr),
          core(core_settings(), clock, ids, log, observer),
          hub(hub_settings(), loop, core, blobs, catalog, clock, ids) {
        core.restore(7, {}, [](const TenantId&, const std::string&, const std::string&) {
            return jobs::VersionPtr{};
        });
    }
    ~HubTest() override {
        tasks.spawn("stop", hub.stop());
        EXPECT_TRUE(wait([this] { return tasks.size() == 0; }));
    }
    static jobs::Settings core_settings() {
        jobs::Settings settings;
        settings.retry_base = std::chrono::milliseconds(1);
        settings.retry_max = std::chrono::milliseconds(2);
        return settings;
    }
    static Settings hub_settings() {
        Settings settings;
        settings.epoch = 7;
        return settings;
    }

    jobs::VersionPtr version_of(const std::string& name, std::string_view interface_json) {
        catalog::Registration registration;
        registration.tenant = catalog::kSystemTenant;
        registration.name = name;
        registration.version = "1.0.0";
        auto version = catalog.add(std::move(registration), interface_json);
        EXPECT_TRUE(version);
        return version ? *version : nullptr;
    }
    std::unique_ptr<TestWorker> local(const jobs::VersionPtr& version, std::uint64_t id = 1) {
        auto [ours, theirs] = sockets();
        LocalHost host;
        host.id = id;
        host.link = std::move(ours);
        host.versions = {version};
        host.kill = [this, id](const std::string& reason) { killed[id] = reason; };
        host.ready = [this, id] { ready[id] = true; };
        hub.add_local(std::move(host));
        return std::make_unique<TestWorker>(loop, std::move(theirs));
    }
    std::unique_ptr<TestWorker> remote(const std::string& tenant = "default") {
        auto [ours, theirs] = sockets();
        hub.accept(std::move(ours), TenantId(tenant), "key-1");
        return std::make_unique<TestWorker>(loop, std::move(theirs));
    }
    static wire::Frame hello(const std::string& name, const std::string& interface_json = "") {
        wire::Frame frame;
        auto* hello = frame.mutable_hello();
        hello->set_protocol(link::kProtocol);
        hello->set_name(name + "/0");
        hello->set_slots(1);
        auto* offer = hello->add_offers();
        offer->set_capability(name);
        offer->set_version("1.0.0");
        offer->set_interface(interface_json);
        return frame;
    }
    /// A local echo worker that has offered a slot.
    std::unique_ptr<TestWorker> ready_echo(std::uint32_t slots = 1) {
        echo = version_of("echo", kEcho);
        auto worker = local(echo);
        worker->send(hello("echo"));
        worker->credit(slots);
        EXPECT_TRUE(wait([&] { return ready[1] && worker->find(&wire::Frame::has_welcome) != nullptr; }));
        return worker;
    }

    std::shared_ptr<Events> submit(const jobs::VersionPtr& version, jobs::Payload input,
                                   bool session = false) {
        auto events = std::make_shared<Events>();
        jobs::Submission submission;
        submission.tenant = TenantId("default");
        submission.caller = "caller-1";
        submission.version = version;
        submission.job_class = jobs::JobClass::interactive;
        submission.input = std::move(input);
        submission.session = session;
        submission.watcher = events;
        core.submit(std::move(submission), [this](Result<jobs::Accepted> accepted) {
            ASSERT_TRUE(accepted);
            job = accepted->view.record.id;
        });
        return events;
    }
    static jobs::Payload text(const std::string& content) {
        jobs::Payload payload;
        payload.values = catalog::encode(text_values(content));
        return payload;
    }
    static catalog::Values text_values(const std::string& content) {
        catalog::Values values;
        values.set("text", content);
        return values;
    }
    static std::string text_in(const jobs::JobRecord& record) {
        if (!record.output) return "no output";
        const auto values = catalog::decode(record.output->values);
        const auto* value = values ? values->find("text") : nullptr;
        return value != nullptr && value->get<std::string>() != nullptr ? *value->get<std::string>() : "no text";
    }

    [[nodiscard]] bool wait(const std::function<bool()>& done,
                            std::chrono::milliseconds most = std::chrono::seconds(10)) {
        const auto end = std::chrono::steady_clock::now() + most;
        while (!done() && std::chrono::steady_clock::now() < end) {
            core.tick();
            loop.io().run_one_for(std::chrono::milliseconds(5));
        }
        return done();
    }

    std::pair<std::unique_ptr<link::Channel>, UniqueFd> sockets() {
        int pair[2] = {};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        return {std::make_unique<link::Channel>(loop, link::make_unix_transport(loop, UniqueFd(pair[0]))),
                UniqueFd(pair[1])};
    }

    Loop loop{"core"};
    SystemClock clock;
    IdSource ids;
    YesLog log;
    MemoryBlobs blobs;
    catalog::Catalog catalog;
    jobs::CoreObserver observer;
    jobs::Core core;
    Hub hub;
    TaskGroup tasks{loop.io().get_executor()};
    std::map<std::uint64_t, std::string> killed;
    std::map<std::uint64_t, bool> ready;
    jobs::VersionPtr echo;
    JobId job;
};

}  // namespace headrace::workers::hub

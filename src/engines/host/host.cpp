#include "engines/host/host.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "engines/host/host_table.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::engines::host {
namespace {

void say(const std::string& text) {
    std::fprintf(stderr, "headrace-host: %s\n", text.c_str());
}

constexpr std::uint32_t kMostSlots = 256;

}  // namespace

Host::Host(int socket) : reader_(socket), outbox_(socket) {}

int Host::run() {
    if (auto greeted = greet(); !greeted) {
        say(greeted.error().message);
        return kBrokenLink;
    }
    reading_ = std::thread([this] { read_all(); });
    const hr_config config{sizeof(hr_config),  capability_.c_str(),     version_.c_str(),
                           directory_.c_str(), interface_text_.c_str(), slots_count_,
                           max_batch_,         settings_.c_str()};
    auto engine = Library::open(entry_, host_table(outbox_), config);
    if (!engine) {
        say(engine.error().message);
        std::fflush(nullptr);
        ::_exit(kLoadFailed);  // the reader waits for frames
    }
    engine_.emplace(std::move(*engine));
    slots_ = std::make_unique<Slots>(*engine_, registry_, outbox_);
    if (slots_count_ > 1)
        slots_->start(slots_count_);
    else
        standing_in_ = std::thread([this] { stand_in(); });
    loaded_.store(true, std::memory_order_release);
    wire::Frame credit;
    credit.mutable_credit()->add_offers(0);
    credit.mutable_credit()->set_slots(slots_count_);
    outbox_.send(credit);
    watch(std::chrono::milliseconds(std::max<std::uint32_t>(heartbeat_ms_ / 2, 50)));
    slots_->drain();
    engine_.reset();
    std::fflush(nullptr);
    ::_exit(kDrained);
}

Result<void> Host::greet() {
    auto first = reader_.next();
    if (!first) return fail(std::move(first).error());
    if (*first == nullptr || !(*first)->has_start()) {
        return fail(ErrorCode::invalid_argument, "the first frame is no start");
    }
    const wire::Start& start = (*first)->start();
    auto interface = catalog::interface_from_json(start.offer().interface());
    if (!interface) return fail(ErrorCode::invalid_argument, "the interface cannot be read");
    interface_ = std::move(*interface);
    capability_ = start.offer().capability();
    version_ = start.offer().version();
    directory_ = start.directory();
    entry_ = start.entry();
    interface_text_ = start.offer().interface();
    name_ = start.worker_name();
    settings_ = start.settings();
    slots_count_ = std::clamp<std::uint32_t>(start.offer().slots(), 1, kMostSlots);
    max_batch_ = std::max<std::uint32_t>(start.offer().max_batch(), 1);
    send_hello(start);
    auto answer = reader_.next();
    if (!answer) return fail(std::move(answer).error());
    if (*answer == nullptr) ::_exit(kDrained);
    if (!(*answer)->has_welcome()) return fail(ErrorCode::invalid_argument, "no welcome came");
    const wire::Welcome& welcome = (*answer)->welcome();
    if (!welcome.error().empty()) return fail(ErrorCode::conflict, "refused: " + welcome.error());
    if (welcome.window() > 0) window_ = welcome.window();
    if (welcome.heartbeat_ms() > 0) heartbeat_ms_ = welcome.heartbeat_ms();
    return {};
}

void Host::send_hello(const wire::Start& start) {
    wire::Frame frame;
    auto* hello = frame.mutable_hello();
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    hello->set_protocol(link::kProtocol);
    hello->set_name(name_);
    hello->set_host(host.data());
    hello->set_pid(static_cast<std::uint32_t>(::getpid()));
    hello->set_kit("native " HEADRACE_VERSION);
    *hello->add_offers() = start.offer();
    hello->set_slots(slots_count_);
    hello->set_batch_limit(link::kMaxJobsPerFrame);
    outbox_.send(frame);
}

void Host::read_one() {
    auto frame = reader_.next();
    if (frame && *frame == nullptr) ::_exit(kDrained);  // the parent is gone
    Result<void> sound;
    if (!frame)
        sound = fail(std::move(frame).error());
    else if (sound = check_.accept(**frame); sound)
        sound = handle(**frame);
    if (sound) return;
    say("the link broke its own rules: " + sound.error().message);
    std::fflush(nullptr);
    ::_exit(kBrokenLink);
}

void Host::read_all() {
    wire::Frame welcome;  // has come already
    welcome.mutable_welcome();
    (void)check_.accept(welcome);
    while (true) {
        read_one();
        if (may_run_ && slots_count_ == 1) run_waiting();
    }
}

void Host::run_waiting() {
    may_run_ = false;
    while (slots_->has_next()) {
        baton_.lend();
        slots_->run_next();
        baton_.reclaim();
    }
}

void Host::stand_in() {
    while (true) {
        baton_.wait_turn();
        while (reader_.has_frame() || baton_.may_read(reader_.socket())) read_one();
        baton_.give_back();
    }
}

Result<void> Host::handle(wire::Frame& frame) {
    switch (frame.body_case()) {
        case wire::Frame::kLease:
            return on_lease(*frame.mutable_lease());
        case wire::Frame::kInput:
            return on_input(*frame.mutable_input());
        case wire::Frame::kCancel:
            on_cancel(frame.cancel());
            break;
        case wire::Frame::kWindow:
            registry_.with(Ref::from(frame.window().ref()),
                           [&](hr_job& job) { job.grant(frame.window().bytes()); });
            break;
        case wire::Frame::kRefused:
            cancel(Ref::from(frame.refused().ref()), true);
            break;
        case wire::Frame::kPing:
            if (frame.ping().reply()) break;
            frame.mutable_ping()->set_reply(true);
            outbox_.send(frame);
            break;
        case wire::Frame::kDrain:
            ::kill(::getpid(), SIGTERM);
            break;  // the main thread waits for it
        default:
            break;
    }
    return {};
}

Result<void> Host::on_lease(wire::Lease& lease) {
    if (!loaded_.load(std::memory_order_acquire)) {
        return fail(ErrorCode::invalid_argument, "a lease came before any credit");
    }
    may_run_ = true;
    for (auto& leased : *lease.mutable_batches()) {
        auto batch = std::make_unique<Batch>();
        for (const auto& job : leased.jobs()) {
            batch->jobs.push_back(std::make_unique<hr_job>(job, interface_, outbox_, window_));
            if (!batch->jobs.back()->inbox.complete()) ++batch->waiting;
        }
        if (batch->jobs.empty()) continue;
        registry_.add(*batch);
        if (batch->waiting == 0) {
            slots_->run(std::move(batch));
            continue;
        }
        const auto shared = std::make_shared<std::unique_ptr<Batch>>(std::move(batch));
        for (const auto& job : (*shared)->jobs) {
            if (!job->inbox.complete()) incomplete_[job->ref] = shared;
        }
    }
    return {};
}

Result<void> Host::on_input(wire::Input& input) {
    Result<void> outcome;
    bool complete = false;
    const Ref ref = Ref::from(input.ref());
    registry_.with(ref, [&](hr_job& job) {
        if (input.has_chunk()) {
            if (!incomplete_.contains(ref)) return;  // cancelled meanwhile
            outcome = on_chunk(job, input);
            complete = outcome && (job.inbox.complete() || job.cancelled());
        } else if (!job.session) {
            outcome = fail(ErrorCode::invalid_argument, "a step for a job that is no session");
        } else {
            job.add_step(std::move(*input.mutable_step()->mutable_values()), input.step().last());
        }
    });
    if (complete) arrived(ref);
    return outcome;
}

Result<void> Host::on_chunk(hr_job& job, wire::Input& input) {
    const auto& chunk = input.chunk();
    auto added = job.inbox.add(chunk.part(), chunk.data(), chunk.last());
    if (!added && added.error().code == ErrorCode::unavailable) {
        // The disk, not the link: this job alone cannot be run, and may do better elsewhere.
        job.failed = Failed{"unavailable", added.error().message, true};
        job.cancel();
        return {};
    }
    if (added) job.consumed(chunk.data().size(), chunk.last());
    return added;
}

void Host::on_cancel(const wire::Cancel& cancelled) {
    for (const auto& ref : cancelled.refs()) cancel(Ref::from(ref), false);
}

void Host::cancel(const Ref& ref, bool forget) {
    registry_.with(ref, [&](hr_job& job) {
        if (forget) job.forget();
        job.cancel();
        if (job.running) engine_->cancel(&job);
    });
    arrived(ref);  // its parts are not waited for any more
}

void Host::arrived(const Ref& ref) {
    const auto found = incomplete_.find(ref);
    if (found == incomplete_.end()) return;
    auto& batch = *found->second;
    if (--batch->waiting == 0) {
        slots_->run(std::move(batch));
        may_run_ = true;
    }
    incomplete_.erase(found);
}

void Host::watch(std::chrono::milliseconds interval) {
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    const timespec time{static_cast<time_t>(interval.count() / 1000),
                        static_cast<long>(interval.count() % 1000) * 1'000'000};
    bool draining = false;
    std::uint64_t nonce = 0;
    while (!draining || !registry_.empty()) {
        // While draining, the last job's end is looked for; the interval only bounds how late it is
        // seen.
        const timespec soon{0, 20'000'000};
        if (::sigtimedwait(&terminate, nullptr, draining ? &soon : &time) == SIGTERM) {
            if (!std::exchange(draining, true)) {
                wire::Frame frame;
                frame.mutable_drain()->set_reason("terminated");
                outbox_.send(frame);
            }
        } else if (!draining && !outbox_.was_used()) {
            wire::Frame frame;
            frame.mutable_ping()->set_nonce(++nonce);
            outbox_.send(frame);
        }
    }
}

}  // namespace headrace::engines::host

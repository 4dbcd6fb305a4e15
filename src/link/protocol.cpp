#include "link/protocol.hpp"

#include <fmt/format.h>

#include "link/frame.pb.h"

namespace headrace::link {

using wire::Frame;

namespace {

constexpr std::size_t kIdBytes = 16;

tl::unexpected<Error> broken(std::string what) {
    return fail(ErrorCode::invalid_argument, std::move(what));
}

Result<void> check_ref(const wire::JobRef& ref) {
    if (ref.job().size() != kIdBytes) return broken("a job id is 16 bytes");
    return {};
}

Result<void> check_bytes(std::string_view what, std::size_t size, std::size_t limit) {
    if (size > limit) return broken(fmt::format("{} of {} bytes passes {}", what, size, limit));
    return {};
}

Result<void> check_offer(const wire::Offer& offer) {
    if (offer.capability().empty() || offer.capability().size() > kMaxName) {
        return broken("an offer needs a capability name");
    }
    if (offer.version().empty() || offer.version().size() > kMaxName) {
        return broken("an offer needs a version");
    }
    if (offer.max_batch() > kMaxJobsPerFrame) return broken("max_batch passes 64");
    if (auto r = check_bytes("title", offer.title().size(), kMaxText); !r) return r;
    if (auto r = check_bytes("description", offer.description().size(), kMaxText); !r) return r;
    return check_bytes("interface", offer.interface().size(), kMaxInterface);
}

Result<void> check_hello(const wire::Hello& hello) {
    if (hello.protocol() != kProtocol) {
        return broken(
            fmt::format("protocol {} is not spoken here, only {}", hello.protocol(), kProtocol));
    }
    if (hello.offers().empty()) return broken("hello offers nothing");
    if (hello.offers_size() > static_cast<int>(kMaxOffers))
        return broken("hello has more than 64 offers");
    if (hello.held_size() > static_cast<int>(kMaxHeld))
        return broken("hello holds too many leases");
    if (!hello.resume().empty() && hello.resume().size() != kIdBytes) {
        return broken("a worker id is 16 bytes");
    }
    for (const auto* text : {&hello.name(), &hello.host(), &hello.kit()}) {
        if (auto r = check_bytes("hello's text", text->size(), kMaxName); !r) return r;
    }
    if (hello.gpus_size() > static_cast<int>(kMaxGpus)) return broken("hello has too many GPUs");
    for (const auto& gpu : hello.gpus()) {
        if (auto r = check_bytes("a GPU's name", gpu.size(), kMaxName); !r) return r;
    }
    for (const auto& offer : hello.offers()) {
        if (auto r = check_offer(offer); !r) return r;
    }
    for (const auto& ref : hello.held()) {
        if (auto r = check_ref(ref); !r) return r;
    }
    return {};
}

Result<void> check_chunk(const wire::Chunk& chunk) {
    if (chunk.part() > kMaxParts) return broken("a part number passes 4096");
    return check_bytes("a chunk", chunk.data().size(), kMaxChunk);
}

template <class Message>
Result<void> check_flow(const Message& message) {
    if (auto r = check_ref(message.ref()); !r) return r;
    if (message.has_chunk()) return check_chunk(message.chunk());
    if (!message.has_step()) return broken("neither a chunk nor a step");
    return {};
}

Result<void> check_progress(const wire::Progress& progress) {
    if (auto r = check_ref(progress.ref()); !r) return r;
    return check_bytes("a progress message", progress.message().size(), kMaxText);
}

Result<void> check_log(const wire::Log& log) {
    if (auto r = check_ref(log.ref()); !r) return r;
    if (auto r = check_bytes("a stream's name", log.stream().size(), kMaxName); !r) return r;
    return check_bytes("a log line", log.line().size(), kMaxText);
}

Result<void> check_meters(int count) {
    if (count > static_cast<int>(kMaxMeters)) return broken("more than 64 meters");
    return {};
}

Result<void> check_result(const wire::Result& result) {
    if (result.results_size() > static_cast<int>(kMaxJobsPerFrame))
        return broken("more than 64 results");
    for (const auto& one : result.results()) {
        if (auto r = check_ref(one.ref()); !r) return r;
        if (auto r = check_meters(one.meters_size()); !r) return r;
    }
    return {};
}

Result<void> check_failure(const wire::Failure& failure) {
    if (failure.failures_size() > static_cast<int>(kMaxJobsPerFrame))
        return broken("more than 64 failures");
    for (const auto& one : failure.failures()) {
        if (auto r = check_ref(one.ref()); !r) return r;
        if (auto r = check_meters(one.meters_size()); !r) return r;
        if (auto r = check_bytes("an error code", one.code().size(), kMaxName); !r) return r;
        if (auto r = check_bytes("an error message", one.message().size(), kMaxText); !r) return r;
    }
    return {};
}

Result<void> check_lease(const wire::Lease& lease) {
    std::size_t jobs = 0;
    for (const auto& batch : lease.batches()) {
        jobs += static_cast<std::size_t>(batch.jobs_size());
        for (const auto& job : batch.jobs()) {
            if (auto r = check_ref(job.ref()); !r) return r;
            if (job.parts() > kMaxParts) return broken("a lease of more than 4096 parts");
        }
    }
    if (jobs > kMaxJobsPerFrame) return broken("a lease of more than 64 jobs");
    return {};
}

Result<void> check_credit(const wire::Credit& credit) {
    if (credit.offers_size() > static_cast<int>(kMaxOffers))
        return broken("credit for more than 64 offers");
    return {};
}

}  // namespace

std::string_view kind_of(const Frame& frame) {
    switch (frame.body_case()) {
        case Frame::kHello:
            return "hello";
        case Frame::kWelcome:
            return "welcome";
        case Frame::kCredit:
            return "credit";
        case Frame::kLease:
            return "lease";
        case Frame::kInput:
            return "input";
        case Frame::kProgress:
            return "progress";
        case Frame::kOutput:
            return "output";
        case Frame::kResult:
            return "result";
        case Frame::kFailure:
            return "failure";
        case Frame::kCancel:
            return "cancel";
        case Frame::kPing:
            return "ping";
        case Frame::kDrain:
            return "drain";
        case Frame::kWindow:
            return "window";
        case Frame::kLog:
            return "log";
        case Frame::kRefused:
            return "refused";
        case Frame::kKill:
            return "kill";
        case Frame::kStart:
            return "start";
        case Frame::BODY_NOT_SET:
            break;
    }
    return "nothing";
}

Result<void> ProtocolCheck::accept(const Frame& frame) {
    // A kind of a later minor version, or an acknowledgement alone: nothing that could be wrong.
    if (frame.body_case() == Frame::BODY_NOT_SET) return {};
    return speaker_ == Speaker::worker ? accept_worker(frame) : accept_server(frame);
}

Result<void> ProtocolCheck::accept_worker(const Frame& frame) {
    if (frame.has_hello()) {
        if (greeted_) return broken("hello came twice");
        greeted_ = true;
        return check_hello(frame.hello());
    }
    if (!greeted_) return broken(fmt::format("{} came before hello", kind_of(frame)));
    switch (frame.body_case()) {
        case Frame::kCredit:
            return check_credit(frame.credit());
        case Frame::kProgress:
            return check_progress(frame.progress());
        case Frame::kOutput:
            return check_flow(frame.output());
        case Frame::kResult:
            return check_result(frame.result());
        case Frame::kFailure:
            return check_failure(frame.failure());
        case Frame::kLog:
            return check_log(frame.log());
        case Frame::kWindow:
            return check_ref(frame.window().ref());
        case Frame::kPing:
            return {};
        case Frame::kDrain:
            return check_bytes("a reason", frame.drain().reason().size(), kMaxText);
        default:
            return broken(fmt::format("a worker does not send {}", kind_of(frame)));
    }
}

Result<void> ProtocolCheck::accept_server(const Frame& frame) {
    if (frame.has_welcome()) {
        if (greeted_) return broken("welcome came twice");
        greeted_ = true;
        return {};
    }
    if (!greeted_) return broken(fmt::format("{} came before welcome", kind_of(frame)));
    switch (frame.body_case()) {
        case Frame::kLease:
            return check_lease(frame.lease());
        case Frame::kInput:
            return check_flow(frame.input());
        case Frame::kWindow:
            return check_ref(frame.window().ref());
        case Frame::kRefused:
            return check_ref(frame.refused().ref());
        case Frame::kCancel:
        case Frame::kPing:
        case Frame::kDrain:
        case Frame::kKill:
            return {};
        default:
            return broken(fmt::format("a server does not send {}", kind_of(frame)));
    }
}

bool is_urgent(const Frame& frame) {
    switch (frame.body_case()) {
        case Frame::kInput:
        case Frame::kOutput:
        case Frame::kProgress:
        case Frame::kLog:
        case Frame::kResult:
        case Frame::kFailure:
        case Frame::kCredit:
        case Frame::kDrain:
            return false;
        default:
            return true;
    }
}

}  // namespace headrace::link

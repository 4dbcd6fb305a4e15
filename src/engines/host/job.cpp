#include "engines/host/job.hpp"

#include <chrono>
#include <cstring>

#include "base/ids.hpp"
#include "engines/host/clean_text.hpp"
#include "engines/host/outbox.hpp"
#include "headrace/engine.h"
#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::engines::host {
namespace {

constexpr std::size_t kMostStep = 1'000'000;  // a step is one frame
constexpr std::size_t kMostMessage = 4'096;
constexpr std::chrono::milliseconds kProgressEvery{20};

std::string text_of(std::string_view raw) {
    const auto uuid = Uuid::from_raw(raw);
    return uuid ? uuid->text() : std::string();
}

}  // namespace

Ref Ref::from(const wire::JobRef& wire) {
    Ref ref;
    std::memcpy(ref.job.data(), wire.job().data(), std::min(wire.job().size(), ref.job.size()));
    ref.epoch = wire.epoch();
    ref.counter = wire.counter();
    return ref;
}

void Ref::write(wire::JobRef& wire) const {
    wire.set_job(job.data(), job.size());
    wire.set_epoch(epoch);
    wire.set_counter(counter);
}

Job::Job(const wire::LeasedJob& lease, const catalog::Interface& interface, Outbox& outbox,
         std::uint64_t window)
    : ref(Ref::from(lease.ref())),
      attempt(lease.attempt()),
      session(lease.stream()),
      wants_stream(lease.stream() || lease.stream_outputs()),
      id(text_of(lease.ref().job())),
      traceparent(lease.traceparent()),
      inbox(lease.values(), lease.values_size(), lease.parts()),
      outputs(interface, !lease.stream()),
      outbox_(outbox),
      window_size_(window),
      window_(window) {}

void Job::consumed(std::uint64_t bytes, bool now) {
    owed_ += bytes;
    if (owed_ == 0 || (!now && owed_ < window_size_ / 4)) return;
    wire::Frame frame;
    ref.write(*frame.mutable_window()->mutable_ref());
    frame.mutable_window()->set_bytes(std::exchange(owed_, 0));
    send(frame);
}

void Job::add_step(std::string values, bool last) {
    const std::lock_guard lock(mutex_);
    if (!values.empty()) steps_.push_back(std::move(values));
    input_ended_ = input_ended_ || last;
    changed_.notify_all();
}

void Job::grant(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    window_.grant(bytes);
    changed_.notify_all();
}

void Job::cancel() {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
}

Result<void> Job::open() {
    auto decoded = catalog::decode(inbox.values());
    if (!decoded) return fail(std::move(decoded).error());
    inputs = std::move(*decoded);
    return {};
}

int Job::next_input(int timeout_ms) {
    std::string values;
    {
        std::unique_lock lock(mutex_);
        const auto ready = [this] { return cancelled() || !steps_.empty() || input_ended_; };
        if (timeout_ms < 0)
            changed_.wait(lock, ready);
        else if (!changed_.wait_for(lock, std::chrono::milliseconds(timeout_ms), ready))
            return HR_E_TIMEOUT;
        if (cancelled()) return HR_E_CANCELLED;
        if (steps_.empty()) return HR_END;
        values = std::move(steps_.front());
        steps_.pop_front();
    }
    auto decoded = catalog::decode(values);
    if (!decoded) return HR_E_FAILED;
    inputs = std::move(*decoded);
    wire::Frame frame;
    ref.write(*frame.mutable_window()->mutable_ref());
    frame.mutable_window()->set_bytes(values.size());
    send(frame);
    return HR_OK;
}

int Job::emit() {
    if (!outputs.has_pending()) return HR_OK;
    const catalog::Values step = outputs.take_step();
    if (!wants_stream) return cancelled() ? HR_E_CANCELLED : HR_OK;
    std::string bytes = catalog::encode(step);
    if (bytes.size() > kMostStep) {
        failed = Failed{"too_large", "a streamed step passes 1 MB", false};
        return HR_E_FAILED;
    }
    if (!take_window(bytes.size())) return HR_E_CANCELLED;
    wire::Frame frame;
    ref.write(*frame.mutable_output()->mutable_ref());
    auto* out = frame.mutable_output()->mutable_step();
    out->set_seq(steps_sent_++);
    out->set_values(std::move(bytes));
    send(frame);
    return HR_OK;
}

int Job::send_result_parts(std::string& values, std::uint64_t& values_size) {
    // What was set after the last emit belongs to the stream, too, for those who listen to it.
    if (steps_sent_ > 0 || session) {
        if (const int code = emit(); code != HR_OK) return code;
    }
    catalog::Values total = outputs.take_total();
    std::uint32_t number = 0;
    bool sent = true;
    catalog::for_each_media(total, [&](std::string_view, catalog::Media& media) {
        const auto* bytes = std::get_if<catalog::InlineBytes>(&media.source);
        if (bytes == nullptr || bytes->bytes.size() <= link::kMaxChunk || !sent) return;
        ++number;
        sent = send_part(number, bytes->bytes);
        media.size = bytes->bytes.size();
        media.source = catalog::PartSource{number};
    });
    values = catalog::encode(total);
    if (values.size() > link::kMaxInline && sent) {
        sent = send_part(0, values);
        values_size = values.size();
        values.clear();
    }
    return sent ? HR_OK : HR_E_CANCELLED;
}

bool Job::send_part(std::uint32_t number, std::string_view data) {
    bool last = false;
    while (!last) {
        const auto piece = data.substr(0, link::kMaxChunk);
        data.remove_prefix(piece.size());
        last = data.empty();
        if (!take_window(piece.size())) return false;
        wire::Frame frame;
        ref.write(*frame.mutable_output()->mutable_ref());
        auto* chunk = frame.mutable_output()->mutable_chunk();
        chunk->set_part(number);
        chunk->set_data(piece.data(), piece.size());
        chunk->set_last(last);
        send(frame);
    }
    return true;
}

void Job::progress(double fraction, std::string_view message) {
    const auto now = std::chrono::steady_clock::now();
    if (fraction < 1 && now - last_progress_ < kProgressEvery) return;
    last_progress_ = now;
    wire::Frame frame;
    ref.write(*frame.mutable_progress()->mutable_ref());
    frame.mutable_progress()->set_fraction(fraction);
    frame.mutable_progress()->set_message(clean_text(message, kMostMessage));
    send(frame);
}

bool Job::take_window(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return cancelled() || window_.open(); });
    if (cancelled()) return false;
    window_.spend(bytes);
    return true;
}

void Job::send(const wire::Frame& frame) {
    if (!forgotten()) outbox_.send(frame);
}

}  // namespace headrace::engines::host

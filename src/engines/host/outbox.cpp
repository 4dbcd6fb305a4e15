#include "engines/host/outbox.hpp"

#include <cerrno>

#include <sys/socket.h>
#include <unistd.h>

#include "link/frame.pb.h"
#include "link/framing.hpp"

namespace headrace::engines::host {

void Outbox::send(const wire::Frame& frame) {
    const wire::Frame* const one = &frame;
    send(std::span(&one, 1));
}

void Outbox::send(std::span<const wire::Frame* const> frames) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return pending_.size() < kMostPending; });
    for (const auto* frame : frames) {
        const std::size_t size = frame->ByteSizeLong();
        const std::size_t at = pending_.size();
        pending_.resize(at + link::kLengthBytes + size);
        link::write_length(pending_.data() + at, size);
        frame->SerializeWithCachedSizesToArray(
            reinterpret_cast<std::uint8_t*>(pending_.data() + at + link::kLengthBytes));
    }
    if (!writing_) write_pending(lock);
}

void Outbox::write_pending(std::unique_lock<std::mutex>& lock) {
    writing_ = true;
    used_ = true;
    while (!pending_.empty()) {
        std::string batch = std::move(spare_);
        batch.clear();
        batch.swap(pending_);
        lock.unlock();
        write_all(batch);
        lock.lock();
        spare_ = std::move(batch);
        room_.notify_all();
    }
    writing_ = false;
}

void Outbox::write_all(const std::string& bytes) const {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t sent =
            ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
        if (sent >= 0)
            done += static_cast<std::size_t>(sent);
        else if (errno != EINTR)
            ::_exit(0);  // the parent is gone
    }
}

bool Outbox::was_used() {
    const std::lock_guard lock(mutex_);
    return std::exchange(used_, false);
}

}  // namespace headrace::engines::host

#include "main/sampler.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

#include "telemetry/process.hpp"

namespace headrace::main {

asio::awaitable<void> Sampler::run() {
    asio::steady_timer timer(loop_.io());
    auto last = std::chrono::steady_clock::now();
    double cpu_before = telemetry::process_use().cpu_seconds;
    for (auto next = last + jobs::Samples::kStep;; next += jobs::Samples::kStep) {
        timer.expires_at(next);
        boost::system::error_code ended;
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
        if (ended) co_return;
        const auto now = std::chrono::steady_clock::now();
        const auto use = telemetry::process_use();
        const double seconds = std::chrono::duration<double>(now - last).count();
        const jobs::ProcessLoad process{
            use.memory_bytes, static_cast<float>((use.cpu_seconds - cpu_before) / seconds * 100)};
        activity_.samples().close_step(now - last, core_.load(), process);
        release_memory();
        last = now;
        cpu_before = use.cpu_seconds;
        if (now - next > jobs::Samples::kStep) next = now;  // the machine slept
    }
}

/// Once when it has become quiet, and again when ended jobs were let go since.
void Sampler::release_memory() {
    const auto accepted = activity_.samples().totals(nullptr).accepted;
    const auto held = core_.held_bytes();
    if (std::exchange(accepted_, accepted) != accepted) {
        released_ = false;
        return;
    }
    if (accepted == 0 || (released_ && held >= held_)) return;
    telemetry::release_unused_memory();
    released_ = true;
    held_ = held;
}

}  // namespace headrace::main

#include "main/sampler.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

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
        last = now;
        cpu_before = use.cpu_seconds;
        if (now - next > jobs::Samples::kStep) next = now;  // the machine slept
    }
}

}  // namespace headrace::main

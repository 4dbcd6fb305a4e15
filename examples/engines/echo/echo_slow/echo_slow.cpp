// Gives back the text it was given after `duration_ms`, tells its progress ten times a second, and
// stops within milliseconds of a cancel: what waits is woken by it.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "headrace/engine.h"

namespace {

using Clock = std::chrono::steady_clock;

const hr_host* host = nullptr;
std::mutex mutex;
std::condition_variable woken;

int load(const hr_host* given, const hr_config*, void**, char*, std::size_t) {
    host = given;
    return HR_OK;
}

void cancel(void*, hr_job*) {
    const std::lock_guard lock(mutex);
    woken.notify_all();
}

/// False when the job was cancelled.
bool sleep_until(hr_job* job, Clock::time_point time) {
    std::unique_lock lock(mutex);
    return !woken.wait_until(lock, time, [job] { return host->cancelled(job) != 0; });
}

int run(void*, hr_job** jobs, std::size_t) {
    constexpr std::chrono::milliseconds kTick{100};
    hr_job* job = jobs[0];
    std::int64_t duration = 0;
    hr_bytes text{};
    if (host->input_int(job, "duration_ms", 0, &duration) != HR_OK) duration = 1000;
    if (host->input_text(job, "text", 0, &text) != HR_OK) {
        return host->fail(job, "invalid_argument", "text is missing", 0);
    }
    const auto began = Clock::now();
    const auto end = began + std::chrono::milliseconds(duration);
    while (Clock::now() < end) {
        if (!sleep_until(job, std::min(end, Clock::now() + kTick))) return HR_OK;
        const std::chrono::duration<double, std::milli> done = Clock::now() - began;
        host->progress(job, std::min(1.0, done.count() / static_cast<double>(duration)), "waiting");
    }
    host->output_text(job, "text", text.data, text.size);
    return HR_OK;
}

const hr_engine engine = {sizeof(hr_engine), HR_ABI_MAJOR, HR_ABI_MINOR, load,
                          nullptr,           nullptr,      run,          cancel};

}  // namespace

const hr_engine* hr_engine_entry(std::uint32_t host_major, std::uint32_t) {
    return host_major == HR_ABI_MAJOR ? &engine : nullptr;
}

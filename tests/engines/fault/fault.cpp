// Does what its parameter `how` says: every way in which an engine can go wrong, for the fault
// tests.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "headrace/engine.h"

namespace {

const hr_host* host = nullptr;

int load(const hr_host* given, const hr_config*, void**, char*, std::size_t) {
    host = given;
    return HR_OK;
}

/// The link is the host's; an engine gone wild may write into any descriptor.
void write_garbage() {
    for (int fd = 3; fd < 16; ++fd) {
        char bytes[64];
        std::memset(bytes, 0xff, sizeof bytes);
        if (::isatty(fd) == 0) (void)!::write(fd, bytes, sizeof bytes);
    }
}

void leak() {
    std::vector<char*> kept;
    for (int i = 0; i < 4096; ++i) {
        kept.push_back(static_cast<char*>(std::malloc(1 << 20)));
        std::memset(kept.back(), 1, 1 << 20);
        ::usleep(1'000);
    }
}

void hang(hr_job* job, bool heeds_cancel) {
    host->progress(job, 0, "hanging");
    while (!heeds_cancel || host->cancelled(job) == 0) ::usleep(5'000);
}

int misbehave(hr_job* job, const std::string& how) {
    if (how == "crash") std::abort();
    if (how == "exit") ::_exit(3);
    if (how == "leak") leak();
    if (how == "hang") hang(job, true);
    if (how == "deaf") hang(job, false);
    if (how == "garbage") write_garbage();
    if (how == "close") {
        for (int fd = 3; fd < 16; ++fd) ::close(fd);
        hang(job, false);
    }
    if (how == "throw") throw std::runtime_error("thrown on request");
    if (how == "retryable") return host->fail(job, "unavailable", "try again", 1);
    if (how == "noise") {
        for (int i = 0; i < 20'000; ++i) {
            host->log(job, "noise");
            host->progress(job, 0.5, "noise");
            std::printf("noise\n");
        }
    }
    return HR_OK;
}

int run(void*, hr_job** jobs, std::size_t) {
    hr_job* job = jobs[0];
    hr_bytes how{};
    hr_bytes text{};
    if (host->input_text(job, "how", 0, &how) != HR_OK) how = {"echo", 4};
    const std::string word(how.data, how.size);
    if (const int code = misbehave(job, word); code != HR_OK || word == "no_output") return code;
    if (host->input_text(job, "text", 0, &text) == HR_OK) {
        host->output_text(job, "text", text.data, text.size);
    }
    return HR_OK;
}

const hr_engine engine = {sizeof(hr_engine), HR_ABI_MAJOR, HR_ABI_MINOR, load,
                          nullptr,           nullptr,      run,          nullptr};

}  // namespace

const hr_engine* hr_engine_entry(std::uint32_t host_major, std::uint32_t) {
    return host_major == HR_ABI_MAJOR ? &engine : nullptr;
}

// The engine behind include/headrace/engine.h: one library for `chat` and `embed`, chosen by
// settings.task.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "chat.hpp"
#include "embed.hpp"
#include "headrace/engine.h"
#include "library.hpp"
#include "settings.hpp"

namespace headrace::llama {
namespace {

struct State {
    const hr_host* host = nullptr;
    std::unique_ptr<Chat> chat;
    std::unique_ptr<Embed> embed;  // beside `chat` where that embeds, too
    std::mutex embedding;          // held while it computes: one thread at a time
};

/// A job of a chat that embeds, too, has texts or messages.
void run_one(State& state, hr_job* job) {
    if (state.host->input_count(job, "text") == 0) return state.chat->run(job);
    if (!state.embed) {
        constexpr const char* kOff = "text: the engine's settings.embeddings is 0";
        state.host->fail(job, "invalid_argument", kOff, 0);
        return;
    }
    const std::lock_guard lock(state.embedding);
    state.embed->run(&job, 1);
}

constexpr std::size_t kConfigSince11 = offsetof(hr_config, settings_json) + sizeof(const char*);

Result<std::unique_ptr<State>> make_state(const hr_host& host, const hr_config& config) {
    if (config.size < kConfigSince11)
        return bad_argument("this host is too old: it knows no settings (ABI 1.1)");
    auto settings = parse_settings(config.settings_json);
    if (!settings) return tl::unexpected(std::move(settings).error());
    if (auto same = check_library(); !same) return tl::unexpected(std::move(same).error());
    start_library(own_folder() + "/llama/lib");
    auto state = std::make_unique<State>();
    state->host = &host;
    if (settings->task == Settings::Task::embed) {
        auto embed = Embed::make(host, *settings, config.directory);
        if (!embed) return tl::unexpected(std::move(embed).error());
        state->embed = std::move(*embed);
    } else {
        auto chat = Chat::make(host, *settings, config.directory, config.slots);
        if (!chat) return tl::unexpected(std::move(chat).error());
        state->chat = std::move(*chat);
        if (settings->embeddings == 0) return state;
        Settings texts = *settings;
        texts.task = Settings::Task::embed;
        texts.context = settings->embeddings;
        auto embed = Embed::make(host, texts, config.directory);
        if (!embed) return tl::unexpected(std::move(embed).error());
        state->embed = std::move(*embed);
    }
    return state;
}

int load(const hr_host* host, const hr_config* config, void** state, char* error,
         std::size_t error_size) {
    std::string why;
    try {
        auto made = make_state(*host, *config);
        if (made) {
            *state = made->release();
            return HR_OK;
        }
        why = made.error().message;
    } catch (const std::exception& thrown) {
        why = thrown.what();
    }
    if (error_size > 0) {
        const std::size_t length = std::min(why.size(), error_size - 1);
        std::memcpy(error, why.data(), length);
        error[length] = '\0';
    }
    return HR_E_FAILED;
}

void unload(void* state) {
    delete static_cast<State*>(state);
}

int run(void* state, hr_job** jobs, std::size_t count) {
    try {
        auto& made = *static_cast<State*>(state);
        if (!made.chat) {
            made.embed->run(jobs, count);
        } else {
            for (std::size_t i = 0; i < count; ++i) run_one(made, jobs[i]);
        }
        return HR_OK;
    } catch (const std::exception&) {
        return HR_E_FAILED;
    }
}

constexpr hr_engine kEngine = {sizeof(hr_engine), HR_ABI_MAJOR, HR_ABI_MINOR, load,
                               nullptr,           unload,       run,          nullptr};

}  // namespace
}  // namespace headrace::llama

const hr_engine* hr_engine_entry(uint32_t host_major, uint32_t) {
    return host_major == HR_ABI_MAJOR ? &headrace::llama::kEngine : nullptr;
}

// The engine behind include/headrace/engine.h: one library for `chat` and `embed`, chosen by
// settings.task.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
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
    std::unique_ptr<Chat> chat;
    std::unique_ptr<Embed> embed;
};

constexpr std::size_t kConfigSince11 = offsetof(hr_config, settings_json) + sizeof(const char*);

Result<std::unique_ptr<State>> make_state(const hr_host& host, const hr_config& config) {
    if (config.size < kConfigSince11)
        return bad_argument("this host is too old: it knows no settings (ABI 1.1)");
    auto settings = parse_settings(config.settings_json);
    if (!settings) return tl::unexpected(std::move(settings).error());
    if (auto same = check_library(); !same) return tl::unexpected(std::move(same).error());
    start_library(own_folder() + "/llama/lib");
    auto state = std::make_unique<State>();
    if (settings->task == Settings::Task::embed) {
        auto embed = Embed::make(host, *settings, config.directory);
        if (!embed) return tl::unexpected(std::move(embed).error());
        state->embed = std::move(*embed);
    } else {
        auto chat = Chat::make(host, *settings, config.directory, config.slots);
        if (!chat) return tl::unexpected(std::move(chat).error());
        state->chat = std::move(*chat);
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
        if (made.embed) {
            made.embed->run(jobs, count);
        } else {
            for (std::size_t i = 0; i < count; ++i) made.chat->run(jobs[i]);
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

#include "main/reload.hpp"

#include "base/log.hpp"
#include "config/show.hpp"
#include "main/settings.hpp"

namespace headrace::main {

Result<void> Reload::run() {
    const std::lock_guard lock(mutex_);
    sources_.environment = config::process_environment();
    auto loaded = config::load(config::declared(), sources_);
    if (!loaded) return fail(std::move(loaded.error()));
    if (auto mapped = server_settings(*loaded); !mapped) return fail(std::move(mapped.error()));
    for (const auto& part : parts_) {
        if (!part.prepare) continue;
        if (auto ready = part.prepare(*loaded); !ready) return fail(std::move(ready.error()));
    }
    for (const auto& part : parts_) {
        if (part.apply) part.apply(*loaded);
    }
    for (const auto& change : config::changes(current_, *loaded)) {
        const auto name = change.setting->name();
        if (change.setting->restart) {
            log::warn("setting changes at the next start setting={} from={} to={}", name,
                      change.before, change.after);
        } else {
            log::info("setting changed setting={} from={} to={}", name, change.before,
                      change.after);
        }
    }
    current_ = std::move(*loaded);
    log::info("settings reloaded");
    return {};
}

asio::awaitable<Result<void>> Reload::run_async() {
    co_return run();
}

std::string Reload::show() const {
    const std::lock_guard lock(mutex_);
    return json::serialize(config::to_json(current_));
}

}  // namespace headrace::main

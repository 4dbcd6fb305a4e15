#include "engines/host/library.hpp"

#include <array>
#include <exception>
#include <utility>

#include <dlfcn.h>
#include <fmt/format.h>

namespace headrace::engines::host {
namespace {

constexpr std::size_t kErrorSize = 1024;

tl::unexpected<Error> broken(std::string text) {
    return fail(ErrorCode::engine_failed, std::move(text));
}

Result<const hr_engine*> find(const std::string& path) {
    // dlopen gives a null on failure, and its own words for why.
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return broken(fmt::format("cannot load the library: {}", ::dlerror()));
    void* symbol = ::dlsym(handle, "hr_engine_entry");
    if (symbol == nullptr) return broken(path + " exports no hr_engine_entry");
    const auto entry = reinterpret_cast<decltype(&hr_engine_entry)>(symbol);
    const hr_engine* engine = entry(HR_ABI_MAJOR, HR_ABI_MINOR);
    if (engine == nullptr) return broken(path + " refuses this version of the host");
    if (engine->abi_major != HR_ABI_MAJOR) {
        return broken(fmt::format("{} is made for ABI {}.{}, the host speaks {}.{}", path,
                                  engine->abi_major, engine->abi_minor, HR_ABI_MAJOR,
                                  HR_ABI_MINOR));
    }
    if (engine->size < sizeof(hr_engine) || engine->run == nullptr) {
        return broken(path + " has no run function");
    }
    return engine;
}

}  // namespace

Result<Library> Library::open(const std::string& path, const hr_host& host,
                              const hr_config& config) {
    auto engine = find(path);
    if (!engine) return fail(std::move(engine).error());
    Library library(*engine, nullptr);
    try {
        if ((*engine)->load != nullptr) {
            std::array<char, kErrorSize> why{};
            const int code =
                (*engine)->load(&host, &config, &library.state_, why.data(), why.size());
            why.back() = '\0';
            if (code != HR_OK) {
                library.engine_ = nullptr;  // not loaded, so not to be unloaded
                return broken(fmt::format("load failed ({}): {}", code, why.data()));
            }
        }
        if ((*engine)->warm_up != nullptr) {
            if (const int code = (*engine)->warm_up(library.state_); code != HR_OK) {
                return broken(fmt::format("warm_up failed ({})", code));
            }
        }
    } catch (const std::exception& e) {
        return broken(fmt::format("an exception while loading: {}", e.what()));
    }
    return library;
}

Library::Library(Library&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)), state_(other.state_) {}

Library::~Library() {
    if (engine_ == nullptr || engine_->unload == nullptr) return;
    try {
        engine_->unload(state_);
    } catch (...) {  // the process is about to end anyway
        return;
    }
}

Result<int> Library::run(hr_job** jobs, std::size_t count) {
    try {
        return engine_->run(state_, jobs, count);
    } catch (const std::exception& e) {
        return broken(fmt::format("the engine threw: {}", e.what()));
    } catch (...) {
        return broken("the engine threw what is no std::exception");
    }
}

void Library::cancel(hr_job* job) {
    if (engine_->cancel == nullptr) return;
    try {
        engine_->cancel(state_, job);
    } catch (...) {  // against its promise, and nothing that could be told to anybody
        return;
    }
}

}  // namespace headrace::engines::host

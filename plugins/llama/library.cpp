#include "library.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>

#include <dlfcn.h>
#include <ggml-backend.h>
#include <llama.h>

namespace headrace::llama {
namespace {

#if defined(__x86_64__)
/// How many bytes a function writes that returns a struct by value: the caller hands it the place,
/// so what it leaves alone in two differently filled places was not part of its struct.
template <class Struct>
std::size_t size_returned_by(Struct (*function)()) {
    constexpr std::size_t kRoom = 1024;
    std::array<unsigned char, kRoom> one{};
    std::array<unsigned char, kRoom> two{};
    one.fill(0x5A);
    two.fill(0xA5);
    void* (*fill)(void*) = nullptr;
    static_assert(sizeof fill == sizeof function);
    std::memcpy(&fill, &function, sizeof fill);
    fill(one.data());
    fill(two.data());
    std::size_t size = 0;
    for (std::size_t i = 0; i < kRoom; ++i) {
        if (one[i] != 0x5A || two[i] != 0xA5) size = i + 1;
    }
    const std::size_t align = alignof(Struct);
    return (size + align - 1) / align * align;
}
#else
/// Elsewhere the place is handed over in ways that C++ cannot write down; the version must do.
template <class Struct>
std::size_t size_returned_by(Struct (*)()) {
    return sizeof(Struct);
}
#endif

template <class Struct>
Result<void> check_size(const char* name, Struct (*function)()) {
    const std::size_t theirs = size_returned_by(function);
    if (theirs == sizeof(Struct)) return {};
    return tl::unexpected(Problem{
        "engine_failed", std::string("libllama's ") + name + " has " + std::to_string(theirs) +
                             " bytes, this plug-in was built for " +
                             std::to_string(sizeof(Struct)) +
                             ": headers and library are not of one version"});
}

void log_line(ggml_log_level level, const char* text, void*) {
    static thread_local bool passed = false;  // of the line that is continued
    if (level != GGML_LOG_LEVEL_CONT) passed = level >= GGML_LOG_LEVEL_WARN;
    if (passed && level != GGML_LOG_LEVEL_NONE) std::fputs(text, stderr);
}

}  // namespace

Result<void> check_library() {
    std::string version = llama_version();
    version = version.substr(0, version.find('-'));  // builds of a release may call themselves -dev
    if (version != HEADRACE_LLAMA_VERSION) {
        return tl::unexpected(Problem{"engine_failed", "libllama is version " + version +
                                                           ", this plug-in was built for " +
                                                           HEADRACE_LLAMA_VERSION});
    }
    if (auto same = check_size("llama_model_params", &llama_model_default_params); !same)
        return same;
    return check_size("llama_context_params", &llama_context_default_params);
}

void start_library(const std::string& folder) {
    llama_log_set(log_line, nullptr);
    ggml_backend_load_all_from_path(folder.c_str());
}

std::string own_folder() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<void*>(&own_folder), &info) == 0 || info.dli_fname == nullptr)
        return ".";
    std::error_code error;
    const auto path = std::filesystem::absolute(info.dli_fname, error);
    return path.parent_path().string();
}

}  // namespace headrace::llama

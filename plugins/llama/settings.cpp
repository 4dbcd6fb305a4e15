#include "settings.hpp"

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace headrace::llama {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

tl::unexpected<Problem> wrong(std::string_view key, std::string_view what) {
    return bad_argument("settings." + std::string(key) + " " + std::string(what));
}

Result<void> read_int(const json::value& value, std::string_view key, std::int64_t least,
                      std::int64_t most, std::int32_t& to) {
    const auto* number = value.if_int64();
    if (number == nullptr || *number < least || *number > most) {
        return wrong(key, "must be an integer from " + std::to_string(least) + " to " +
                              std::to_string(most));
    }
    to = static_cast<std::int32_t>(*number);
    return {};
}

Result<void> read_text(const json::value& value, std::string_view key, std::string& to) {
    if (!value.is_string() || value.get_string().empty())
        return wrong(key, "must be a text that is not empty");
    to = value.get_string();
    return {};
}

Result<void> read_adapters(const json::value& value, std::vector<Adapter>& to) {
    const auto* list = value.if_array();
    if (list == nullptr) return wrong("adapters", "must be a list of {path, scale}");
    for (const auto& element : *list) {
        const auto* one = element.if_object();
        Adapter adapter;
        if (one == nullptr) return wrong("adapters", "must be a list of {path, scale}");
        for (const auto& [key, held] : *one) {
            if (key == "path" && held.is_string() && !held.get_string().empty())
                adapter.path = held.get_string();
            else if (key == "scale" && held.is_number())
                adapter.scale = held.to_number<float>();
            else
                return wrong("adapters", "know a text `path` and a number `scale` only");
        }
        if (adapter.path.empty()) return wrong("adapters", "need a `path` each");
        to.push_back(std::move(adapter));
    }
    return {};
}

Result<void> read_one(std::string_view key, const json::value& value, Settings& to) {
    constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
    if (key == "task") {
        if (value != "chat" && value != "embed") return wrong(key, "must be chat or embed");
        to.task = value == "chat" ? Settings::Task::chat : Settings::Task::embed;
        return {};
    }
    if (key == "model") return read_text(value, key, to.model);
    if (key == "models") return read_text(value, key, to.models);
    if (key == "system") return read_text(value, key, to.system);
    if (key == "chat_template") return read_text(value, key, to.chat_template);
    if (key == "adapters") return read_adapters(value, to.adapters);
    if (key == "context") return read_int(value, key, 64, 1 << 20, to.context);
    if (key == "embeddings") return read_int(value, key, 0, 1 << 20, to.embeddings);
    if (key == "threads") return read_int(value, key, 1, 512, to.threads);
    if (key == "gpu_layers") return read_int(value, key, -1, kMost, to.gpu_layers);
    if (key == "batch") return read_int(value, key, 8, 8'192, to.batch);
    if (key == "step_ms") return read_int(value, key, 1, 10'000, to.step_ms);
    if (key == "check_weights") {
        if (!value.is_bool()) return wrong(key, "must be true or false");
        to.check_weights = value.get_bool();
        return {};
    }
    return wrong(key, "is not known");
}

}  // namespace

Result<Settings> parse_settings(std::string_view text) {
    boost::system::error_code error;
    const json::value tree = text.empty() ? json::value(json::object()) : json::parse(text, error);
    if (error || !tree.is_object()) return bad_argument("settings are no JSON object");
    Settings settings;
    for (const auto& [key, value] : tree.get_object()) {
        if (auto read = read_one(key, value, settings); !read)
            return tl::unexpected(std::move(read).error());
    }
    if (settings.embeddings > 0 && settings.task == Settings::Task::embed)
        return wrong("embeddings", "is for task chat; task embed has context");
    if (settings.model.empty()) return wrong("model", "is missing: the GGUF file to load");
    return settings;
}

Result<std::string> find_model(std::string_view locator, const std::string& directory,
                               const std::string& models) {
    constexpr std::string_view kPackage = "pypi:";
    fs::path path(locator);
    std::string hint;
    if (locator.starts_with(kPackage)) {
        const fs::path inside(locator.substr(kPackage.size()));
        bool leaves = inside.is_absolute();
        for (const auto& part : inside) leaves = leaves || part == "..";
        if (leaves || !inside.has_parent_path())
            return wrong("model", "must be as pypi:PACKAGE/FILE");
        path = fs::path(models) / inside;
        hint = "; plugins/llama/fetch.sh brings the packages of packages.txt there";
    } else if (path.is_relative()) {
        path = fs::path(directory) / path;
    }
    std::error_code error;
    if (fs::is_regular_file(path, error)) return path.string();
    return tl::unexpected(Problem{"not_found", "there is no file " + path.string() + hint});
}

Result<void> check_gguf(const std::string& path) {
    struct Head {
        std::array<char, 4> magic;
        std::uint32_t version;
        std::uint64_t tensors;
        std::uint64_t keys;
    };
    std::array<char, 24> bytes{};
    std::ifstream file(path, std::ios::binary);
    file.read(bytes.data(), bytes.size());
    Head head{};
    static_assert(sizeof head == 24);
    std::memcpy(&head, bytes.data(), sizeof head);
    if (!file || std::string_view(head.magic.data(), 4) != "GGUF")
        return bad_argument(path + " is no GGUF file");
    if (head.version != 2 && head.version != 3) {
        return bad_argument(path + " is GGUF version " + std::to_string(head.version) +
                            "; versions 2 and 3 can be read");
    }
    std::error_code error;
    const std::uint64_t size = fs::file_size(path, error);
    // A tensor takes at least 24 bytes of description, a key 13.
    if (error || head.tensors == 0 || head.tensors > size / 24 || head.keys > size / 13) {
        return bad_argument(path + " announces more than it holds: it is cut off or damaged");
    }
    return {};
}

}  // namespace headrace::llama

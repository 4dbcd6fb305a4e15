#include "catalog/toml_tree.hpp"

#include <cmath>
#include <sstream>

namespace headrace::catalog {
namespace {

template <class T>
std::string text_of(const T& value) {
    std::ostringstream out;
    out << value;
    return std::move(out).str();
}

std::uint32_t line_in(const toml::node& node, std::string_view path) {
    const std::uint32_t own = node.source().begin.line;
    if (const auto* array = node.as_array(); array && path.starts_with('[')) {
        const auto close = path.find(']');
        const auto index = static_cast<std::size_t>(std::atoi(std::string(path.substr(1)).c_str()));
        if (close == std::string_view::npos || index >= array->size()) return own;
        path.remove_prefix(close + 1);
        return line_in((*array)[index], path.starts_with('.') ? path.substr(1) : path);
    }
    const auto* table = node.as_table();
    if (!table || path.empty()) return own;
    std::uint32_t best = own;
    std::size_t longest = 0;
    for (const auto& [key, child] : *table) {
        const std::string_view name = key.str();
        if (name.size() < longest || !path.starts_with(name)) continue;
        auto rest = path.substr(name.size());
        if (!rest.empty() && rest[0] != '.' && rest[0] != '[') continue;
        if (rest.starts_with('.')) rest.remove_prefix(1);
        longest = name.size();
        // A key's own line, not that of a value which begins further down.
        best = rest.empty() ? key.source().begin.line : line_in(child, rest);
    }
    return best;
}

}  // namespace

json::value to_json(const toml::node& node, const PathNode& path, Findings& findings) {
    if (const auto* table = node.as_table()) {
        json::object object;
        for (const auto& [key, child] : *table) {
            const std::string_view name = key.str();
            object[name] = to_json(child, path.at(name), findings);
        }
        return object;
    }
    if (const auto* array = node.as_array()) {
        json::array list;
        std::size_t index = 0;
        for (const auto& child : *array) list.push_back(to_json(child, path.at(index++), findings));
        return list;
    }
    if (const auto* text = node.as_string()) return json::value(text->get());
    if (const auto* number = node.as_integer()) return json::value(number->get());
    if (const auto* flag = node.as_boolean()) return json::value(flag->get());
    if (const auto* number = node.as_floating_point()) {
        if (!std::isfinite(number->get())) findings.add(path, "finite");
        return json::value(std::isfinite(number->get()) ? number->get() : 0.0);
    }
    if (const auto* time = node.as_date_time()) return json::value(text_of(time->get()));
    if (const auto* date = node.as_date()) return json::value(text_of(date->get()));
    if (const auto* time = node.as_time()) return json::value(text_of(time->get()));
    return nullptr;
}

std::uint32_t line_of(const toml::table& root, std::string_view path) {
    return line_in(root, path);
}

}  // namespace headrace::catalog

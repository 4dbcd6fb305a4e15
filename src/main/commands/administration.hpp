#pragma once

#include <functional>
#include <string>
#include <vector>

#include "main/commands/api.hpp"

namespace headrace::main {

/// A column of a list: its heading and where its value stands in an item ("a.b"); `shown` changes
/// it.
struct Column {
    std::string heading;
    std::string path;
    std::function<std::string(const json::value&)> shown{};
};

/// Fetches `path` from the control door and prints the list `name` of the answer.
int print_list(const Connection& connection, const std::string& path, const std::string& name,
               const std::vector<Column>& columns, std::string_view empty);

/// Sends and prints `done` (or the answer as JSON).
int act_on(const Connection& connection, const std::string& method, const std::string& path,
           const std::string& done);

/// Column values: a time for people, and a list of texts joined by commas.
std::function<std::string(const json::value&)> time_at(std::string path);
std::function<std::string(const json::value&)> texts_at(std::string path);

}  // namespace headrace::main

#pragma once

#include <span>
#include <string>

#include "base/json.hpp"
#include "config/config.hpp"

namespace headrace::config {

/// {"settings":[{"name","value","origin","default","type","restart","doc"}]}; a secret's value is
/// null or "(set)".
json::object to_json(const Config& config);

/// docs/operate/configuration.md.
std::string to_markdown(std::span<const Setting> settings);

}  // namespace headrace::config

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

/// What values mean to a chat template: Python's rules, as far as templates lean on them.
namespace headrace::llama::values {

/// Thrown when a template does with a value what cannot be done; ChatTemplate::render() catches it.
struct Fault {
    std::string what;
};

bool truth(const boost::json::value& value);
std::int64_t number(const boost::json::value& value);
std::string_view text_of(const boost::json::value& value);
/// As it is printed: nothing for none.
std::string shown(const boost::json::value& value);
/// Of a text in bytes.
std::int64_t size_of(const boost::json::value& value);
boost::json::value sum(const boost::json::value& left, const boost::json::value& right);
bool contains(const boost::json::value& in, const boost::json::value& what);

std::string_view stripped(std::string_view text, bool left, bool right);
/// ASCII letters only.
std::string in_case(std::string_view text, bool upper);
boost::json::array split(std::string_view text, std::string_view by);
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

}  // namespace headrace::llama::values

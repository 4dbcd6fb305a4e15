#pragma once

#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/interface.hpp"
#include "main/cli.hpp"

namespace headrace::main {

class Api;

/// The inputs and parameters of an interface as typed flags of a command.
///   text:  --text "words", --text @file, --text - (standard input)
///   media: --image a.png, or an http address; small files travel inside the request, others are
///   uploaded tensor: --x "[[1,2],[3,4]]", or the whole object; json: JSON text; both also @file
class CallFlags {
  public:
    /// Adds one flag per field to `command`, which has its own options already: a field of such a
    /// name is --input-NAME. Both must outlive parsing, `interface` this object
    /// too.
    CallFlags(const catalog::Interface& interface, Command command);

    /// The `input` object of a request; uploads through `api` where a file is too large. Fields
    /// that were not given are absent: the server knows what is required and what the defaults are.
    /// `skip` leaves out one field: the media that a session feeds frame by frame.
    Result<json::object> input(Api& api, const catalog::FieldSpec* skip = nullptr) const;

    /// The text given for a field, such as a file's name; "" when absent.
    [[nodiscard]] std::string text_of(const catalog::FieldSpec& field) const;

  private:
    struct Flag {
        const catalog::FieldSpec* field = nullptr;
        std::vector<std::string> texts;  // of a list
        std::optional<std::string> text;
        std::optional<std::int64_t> integer;
        std::optional<double> number;
        std::optional<bool> boolean;
    };
    void add(const catalog::FieldSpec& field, Command& command);

    std::list<Flag> flags_;  // in place: the parser holds their addresses
    std::string whole_;      // --input
};

/// Text, "@file" or "-" for standard input.
Result<std::string> read_argument(const std::string& text);

/// By the file name's ending; application/octet-stream when unknown.
std::string content_type_of(std::string_view file_name);

}  // namespace headrace::main

#pragma once

#include <string>
#include <string_view>

namespace headrace::engines::host {

/// At most `most` bytes of what an engine said, with '?' in place of what is not UTF-8: a frame
/// that holds anything else cannot be read at the other end.
std::string clean_text(std::string_view text, std::size_t most);

}  // namespace headrace::engines::host

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "http/exchange.hpp"
#include "jobs/job.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// The part `file` of a form, in the blob store.
struct FormFile {
    jobs::BlobRef blob;
    std::string name;
    std::string content_type;
};

/// A multipart form of small fields and at most one file.
struct Form {
    std::vector<std::pair<std::string, std::string>> fields;
    std::optional<FormFile> file;

    /// The first field of this name; nullopt where there is none, or an empty one.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
};

/// The file passes through piece by piece and never stands in memory whole.
asio::awaitable<Result<Form>> read_form(Site& site, http::Exchange& exchange);

/// What a form may hold beside its file.
inline constexpr std::size_t kFormOverhead = 256 * 1024;

}  // namespace headrace::protocols::openai

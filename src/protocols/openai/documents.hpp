#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "http/exchange.hpp"
#include "jobs/job.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// Small JSON texts that must last, under the id of the object that they are: files of the tenant
/// whose purpose begins with a dot, so that no list of files shows them. Written once.
struct DocumentKey {
    TenantId tenant;
    std::string owner;  // id of the key
    Uuid id;
    std::string_view purpose;
};

inline constexpr std::string_view kResponsePurpose = ".response";

/// On disk when it answers. `keep_ms` from now, 0 = for ever.
asio::awaitable<Result<void>> keep_document(Site& site, DocumentKey key, std::string text,
                                            std::int64_t keep_ms);

struct Document {
    jobs::FileRecord file;
    std::string text;
};
/// Of the caller of this exchange, by the id on its wire; nullopt when there is none to see.
asio::awaitable<Result<std::optional<Document>>> find_document(Site& site,
                                                               const http::Exchange& exchange,
                                                               std::string_view prefix,
                                                               std::string wire_id,
                                                               std::string_view purpose);

}  // namespace headrace::protocols::openai

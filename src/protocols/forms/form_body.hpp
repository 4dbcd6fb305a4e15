#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "http/exchange.hpp"
#include "http/multipart.hpp"
#include "jobs/blob_io.hpp"

namespace headrace::protocols::forms {

namespace asio = boost::asio;

/// Feeds a form's body to `reader` as it comes, and what its sink has put into `pending` on to
/// `writer`, so that no file stands in memory whole. The writer comes back unfinished: whether the
/// form had a file is for the caller to know. Lives on the loop of the connection; both references
/// outlive the wait.
asio::awaitable<Result<jobs::BlobWriter>> read_form_body(http::Exchange& exchange,
                                                         http::MultipartReader& reader,
                                                         std::string& pending,
                                                         jobs::BlobWriter writer);

}  // namespace headrace::protocols::forms

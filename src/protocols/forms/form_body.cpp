#include "protocols/forms/form_body.hpp"

#include <utility>

namespace headrace::protocols::forms {

asio::awaitable<Result<jobs::BlobWriter>> read_form_body(http::Exchange& exchange,
                                                         http::MultipartReader& reader,
                                                         std::string& pending,
                                                         jobs::BlobWriter writer) {
    while (true) {
        auto piece = co_await exchange.read_some();
        if (!piece) co_return fail(std::move(piece).error());
        if (!*piece) break;
        if (auto fed = reader.feed(**piece); !fed) co_return fail(std::move(fed).error());
        if (pending.empty()) continue;
        auto written = co_await writer.write(std::exchange(pending, {}));
        if (!written) co_return fail(std::move(written).error());
    }
    if (auto whole = reader.finish(); !whole) co_return fail(std::move(whole).error());
    co_return std::move(writer);
}

}  // namespace headrace::protocols::forms

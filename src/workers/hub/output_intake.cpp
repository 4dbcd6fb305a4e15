#include "workers/hub/output_intake.hpp"

#include <fmt/format.h>

#include "jobs/blob_io.hpp"

namespace headrace::workers::hub {
namespace {

constexpr std::size_t kMostParts = 256;  // media values of one output

}  // namespace

OutputIntake::OutputIntake(const Settings& settings, jobs::BlobStore& blobs, TenantId tenant)
    : settings_(settings), blobs_(blobs), tenant_(std::move(tenant)) {}

Result<void> OutputIntake::add(std::uint32_t number, std::string data, bool last) {
    if (parts_.size() >= kMostParts && !parts_.contains(number)) {
        return fail(ErrorCode::too_large,
                    fmt::format("an output of more than {} parts", kMostParts));
    }
    Part& part = parts_[number];
    if (part.whole)
        return fail(ErrorCode::invalid_argument, fmt::format("part {} has ended", number));
    part.bytes += data.size();
    part.whole = last;
    const std::uint64_t most = number == 0 ? settings_.most_values : settings_.most_media;
    if (part.bytes > most) {
        return fail(ErrorCode::too_large, fmt::format("part {} passes {} bytes", number, most));
    }
    waiting_.push_back({number, std::move(data), last});
    return {};
}

asio::awaitable<void> OutputIntake::write_one() {
    Piece piece = std::move(waiting_.front());
    waiting_.pop_front();
    if (piece.part == 0) {
        values_.append(piece.data);
        co_return;
    }
    Part& part = parts_[piece.part];
    if (!part.sink) {
        auto sink = blobs_.create(tenant_);
        if (!sink) {
            error_ = std::move(sink).error();
            co_return;
        }
        part.sink = std::move(*sink);
    }
    auto written = co_await jobs::write_piece(*part.sink, std::move(piece.data));
    if (!written) {
        error_ = std::move(written).error();
        co_return;
    }
    if (!piece.last) co_return;
    auto stored = co_await jobs::finish_blob(*part.sink);
    part.sink.reset();
    if (stored)
        part.stored = *stored;
    else
        error_ = std::move(stored).error();
}

std::optional<std::string> OutputIntake::take_values(std::uint64_t size) {
    const auto found = parts_.find(0);
    if (found == parts_.end() || !found->second.whole || values_.size() != size)
        return std::nullopt;
    return std::move(values_);
}

std::optional<jobs::BlobRef> OutputIntake::media(std::uint32_t number) const {
    const auto found = parts_.find(number);
    return found == parts_.end() ? std::nullopt : found->second.stored;
}

}  // namespace headrace::workers::hub

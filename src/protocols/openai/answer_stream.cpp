#include "protocols/openai/answer_stream.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "http/sse.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::string_view kComment = ": keep-alive\n\n";

using Instead = std::optional<http::Response>;

/// Appends what the happenings give. An error ends the answer, and so does another one instead.
asio::awaitable<Result<Instead>> append_all(Site& site, Runs& runs, ModelCall& call,
                                            StreamShape& shape,
                                            const std::vector<Runs::Happening>& happenings,
                                            std::string& out) {
    for (const auto& each : happenings) {
        if (const auto* output = std::get_if<jobs::OutputEvent>(&each.event->what)) {
            call.streamed();
            if (shape.step_bytes(out, output->values)) continue;
            const auto values = catalog::decode(output->values);
            if (!values) co_return fail(ErrorCode::internal, values.error().message);
            shape.step(out, each.run, *values);
            continue;
        }
        const auto* done = std::get_if<jobs::DoneEvent>(&each.event->what);
        if (done == nullptr) continue;
        const auto record = done->record;
        call.consumed(record->usage);
        if (record->state != jobs::JobState::succeeded) co_return fail(job_failure(*record));
        auto outputs = co_await outputs_of(site, *record);
        if (!outputs) co_return fail(std::move(outputs).error());
        if (auto other = shape.instead(*outputs)) co_return other;
        shape.end(out, each.run, std::move(*outputs), *record);
    }
    if (!runs.all_ended()) co_return Instead{};
    auto settled = co_await shape.settle();
    if (!settled) co_return fail(std::move(settled).error());
    shape.finish(out);
    co_return Instead{};
}

void give_back(Runs& runs, const std::vector<Runs::Happening>& happenings) {
    std::uint64_t bytes = 0;  // of one run, as far as its events follow one another
    for (std::size_t i = 0; i < happenings.size(); ++i) {
        bytes += jobs::output_bytes(*happenings[i].event);
        if (i + 1 < happenings.size() && happenings[i + 1].run == happenings[i].run) continue;
        runs.taken(happenings[i].run, std::exchange(bytes, 0));
    }
}

}  // namespace

http::Response stream_head(const http::Exchange& exchange) {
    http::Response head;
    head.content_type = http::kSseContentType;
    head.headers.add("cache-control", "no-cache");
    // nginx would hold small events back.
    head.headers.add("x-accel-buffering", "no");
    stamp(head, exchange);
    return head;
}

asio::awaitable<void> stream_answer(Site& site, http::Exchange& exchange, Runs& runs,
                                    ModelCall& call, StreamShape& shape) {
    std::optional<http::StreamWriter> writer;
    std::string out;
    while (true) {
        const auto happenings = co_await runs.take(http::kSseCommentEvery);
        if (runs.gone() || runs.overrun()) co_return;
        out.clear();
        auto appended = co_await append_all(site, runs, call, shape, happenings, out);
        const bool untouched = !writer && out.empty();
        if (untouched && (!appended || *appended)) {
            Reply plain = fail(ErrorCode::internal, "no answer");
            if (appended) {
                plain = std::move(**appended);
            } else {
                plain = fail(std::move(appended).error());
            }
            co_await answer(exchange, std::move(plain));
            co_return;
        }
        if (!appended) shape.fail(out, appended.error());
        if (happenings.empty()) out = kComment;
        if (!writer) {
            auto head = stream_head(exchange);
            auto begun = co_await exchange.start_stream(std::move(head));
            if (!begun) co_return;
            writer = std::move(*begun);
        }
        auto written = co_await writer->write(out);
        if (!written) co_return;
        give_back(runs, happenings);
        if (!appended || *appended || runs.all_ended()) break;
    }
    co_await writer->finish();
}

}  // namespace headrace::protocols::openai

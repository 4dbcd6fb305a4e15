#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "catalog/values.hpp"
#include "http/exchange.hpp"
#include "jobs/job.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/runs.hpp"

namespace headrace::protocols::openai {

/// How the happenings of a request's jobs become events of its streamed answer. Appends only, so
/// that whatever has come goes out in one write.
class StreamShape {
  public:
    virtual ~StreamShape() = default;
    /// What is new in one job's outputs.
    virtual void step(std::string& out, std::uint32_t run, const catalog::Values& values) = 0;
    /// The same from the bytes of the values, where the shape can do without reading them all;
    /// false: it cannot.
    virtual bool step_bytes(std::string& /*out*/, std::string_view /*values*/) { return false; }
    /// One job has succeeded, with these outputs in the whole.
    virtual void end(std::string& out, std::uint32_t run, catalog::Values outputs,
                     const jobs::JobRecord& job) = 0;
    /// A plain answer in place of the stream, while nothing of it was sent: an engine that speaks
    /// HTTP itself was refused.
    virtual std::optional<http::Response> instead(const catalog::Values&) { return std::nullopt; }
    /// All have: what must be done before the answer may say so.
    virtual asio::awaitable<Result<void>> settle() { co_return Result<void>{}; }
    /// Then its last events.
    virtual void finish(std::string& out) = 0;
    /// The answer breaks off after it has begun.
    virtual void fail(std::string& out, const Error& error) = 0;
};

/// Streams what the jobs do until their end. An error before the first byte is a plain answer;
/// after it, an event. Returns when there is nothing more to send, or nobody to send it to: then
/// `runs` still has jobs, which it cancels.
asio::awaitable<void> stream_answer(Site& site, http::Exchange& exchange, Runs& runs,
                                    ModelCall& call, StreamShape& shape);

/// 200 text/event-stream with the headers of a stream.
http::Response stream_head(const http::Exchange& exchange);

}  // namespace headrace::protocols::openai

#pragma once

#include "upstreams/dialer.hpp"

namespace headrace::upstreams {

/// Bounds of one answer.
struct OpenaiLimits {
    std::size_t most_answer = 64 << 20;  // bytes of one that is kept whole
    std::size_t most_error = 256 << 10;  // of an error body
};

/// Speaks to OpenAI-style servers (vLLM, llama.cpp, hosted ones). Stateless: what is known of a
/// call lives in its coroutine.
class OpenaiDialer final : public Dialer {
  public:
    explicit OpenaiDialer(OpenaiLimits limits) : limits_(limits) {}

    [[nodiscard]] Result<catalog::Interface> interface_of(catalog::Profile profile) const override;
    asio::awaitable<CallResult<CallAnswer>> call(Line& line, const Call& call,
                                                 CallSink& sink) override;
    asio::awaitable<CallResult<ProbeAnswer>> probe(Line& line) override;

  private:
    asio::awaitable<CallResult<CallAnswer>> read_refusal(OutAnswer& answer, Line& line,
                                                         bool verbatim);
    asio::awaitable<CallResult<CallAnswer>> relay(OutAnswer& answer, Line& line, CallSink& sink,
                                                  bool usage_wanted);
    asio::awaitable<CallResult<CallAnswer>> read_deltas(OutAnswer& answer, Line& line,
                                                        CallSink& sink);
    asio::awaitable<CallResult<CallAnswer>> read_whole(OutAnswer& answer, Line& line,
                                                       const Call& call, bool verbatim);

    OpenaiLimits limits_;
};

/// What a status means for the server that gave it; nullopt: its answer may be read, or it refuses
/// what the caller sent (4xx).
std::optional<CallError> status_fault(int status, const http::Headers& headers);

}  // namespace headrace::upstreams

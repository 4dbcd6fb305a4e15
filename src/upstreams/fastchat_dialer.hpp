#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "upstreams/dialer.hpp"
#include "upstreams/fastchat_chat.hpp"
#include "upstreams/fastchat_template.hpp"
#include "upstreams/fastchat_worker.hpp"

namespace headrace::upstreams {

/// Speaks to FastChat's workers: renders the prompt by the worker's own template, holds the answer
/// to its context, cuts deltas from its cumulative text. Template and context length are kept for
/// each server and model until forget().
///
/// A server's options: `conv_template` (a known template in place of the worker's), `sep_style`
/// ("released" or "head" numbers), `tools` ("hermes" or "none").
class FastchatDialer final : public Dialer {
  public:
    /// `fetch` brings the images that messages name by an address.
    explicit FastchatDialer(const http::GuardedFetch& fetch) : fetch_(fetch) {}

    [[nodiscard]] Result<catalog::Interface> interface_of(catalog::Profile profile) const override;
    asio::awaitable<CallResult<CallAnswer>> call(Line& line, const Call& call,
                                                 CallSink& sink) override;
    asio::awaitable<CallResult<ProbeAnswer>> probe(Line& line) override;
    void forget(const UpstreamSpec& spec) override;

    /// What is kept of a model on one server.
    struct Facts {
        PromptTemplate form;
        std::uint64_t context = 0;  // tokens; 0 = the worker does not say
    };
    using FactsPtr = std::shared_ptr<const Facts>;
    /// As kept, or as the worker says now.
    asio::awaitable<CallResult<FactsPtr>> facts_of(Line& line, std::string model);
    asio::awaitable<CallResult<std::uint64_t>> count_tokens(Line& line, std::string model,
                                                            std::string text);

  private:
    /// What goes to the worker, and what is to be looked for in its answer.
    struct Plan;
    struct Reading;

    asio::awaitable<CallResult<CallAnswer>> generate(Line& line, const Call& call, CallSink& sink);
    static CallResult<Plan> plan_of(const Line& line, const Call& call, const Facts& facts);
    asio::awaitable<CallResult<void>> read_answer(OutAnswer answer, Reading& reading,
                                                  CallSink& sink);
    asio::awaitable<CallResult<CallAnswer>> answer_of(Line& line, const Call& call,
                                                      const Plan& plan, Reading& reading);
    asio::awaitable<CallResult<CallAnswer>> embed(Line& line, const Call& call);
    asio::awaitable<CallResult<std::string>> image(std::string address);
    asio::awaitable<CallResult<std::uint64_t>> answer_room(Line& line, const Call& call,
                                                           const Facts& facts, const Plan& plan);

    const http::GuardedFetch& fetch_;
    std::map<std::string, FactsPtr, std::less<>> facts_;  // by server, then model
};

/// A JSON request to a worker and its JSON answer.
/// `within`: until the head of the answer, 0 = as the server's spec says.
asio::awaitable<CallResult<json::object>> ask_worker(Line& line, std::string path, std::string body,
                                                     std::size_t most_bytes,
                                                     std::chrono::milliseconds within);

}  // namespace headrace::upstreams

#pragma once

#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/task_group.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"
#include "protocols/fastchat/chat_request.hpp"
#include "protocols/fastchat/model_jobs.hpp"
#include "protocols/fastchat/parts.hpp"

namespace headrace::protocols::fastchat {

/// The routes of FastChat's API server that OpenAI's API does not have. They work for every model
/// that is here, whatever runs it; each call is an interactive job.
class ClientRoutes {
  public:
    /// `tasks` belongs to the core's loop.
    ClientRoutes(Parts parts, const Settings& settings, TaskGroup& tasks)
        : parts_(parts), settings_(settings), tasks_(tasks) {}

    /// The three places, each with its patterns below it: on the client door they lie beside or
    /// inside those of other dialects.
    [[nodiscard]] std::vector<http::Mount> mounts() const;

  private:
    std::optional<http::Response> gate(http::Exchange& exchange, const http::Route& route) const;
    asio::awaitable<Result<json::object>> body_of(http::Exchange& exchange) const;

    // chat_answers.cpp
    asio::awaitable<void> chat_completions(http::Exchange& exchange) const;
    struct Usage;
    asio::awaitable<void> whole(http::Exchange& exchange, const ChatRequest& request,
                                jobs::Submission submission, Usage& usage) const;
    asio::awaitable<void> streamed(http::Exchange& exchange, const ChatRequest& request,
                                   jobs::Submission submission, Usage& usage) const;
    struct Stream;
    asio::awaitable<bool> stream_choice(Stream& stream, jobs::Submission submission,
                                        std::int64_t index) const;

    // embeddings.cpp
    asio::awaitable<void> embeddings(http::Exchange& exchange) const;

    asio::awaitable<void> token_check(http::Exchange& exchange) const;
    asio::awaitable<Result<json::object>> ask(TenantId tenant, std::string model, std::string path,
                                              std::string body) const;
    asio::awaitable<Result<std::string>> checked(const access::Principal& who,
                                                 const json::value& item) const;

    Parts parts_;
    const Settings& settings_;
    TaskGroup& tasks_;
};

}  // namespace headrace::protocols::fastchat

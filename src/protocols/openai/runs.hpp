#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "catalog/values.hpp"
#include "http/exchange.hpp"
#include "jobs/service.hpp"
#include "jobs/waiting.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"

namespace headrace::protocols::openai {

namespace asio = boost::asio;

/// The interactive jobs of one request, all of them or none: n choices, a list of prompts, a list
/// too long for one job. Whatever has not ended when this is destroyed is cancelled, so a handler
/// that returns for any reason stops its engines.
class Runs {
  public:
    /// One thing that one of the jobs did.
    struct Happening {
        std::uint32_t run = 0;
        jobs::EventFeed::Event event;
    };

    /// `streamed`: partial outputs are wanted; who takes them calls taken().
    Runs(Site& site, const http::Exchange& exchange, bool streamed);
    ~Runs();
    Runs(const Runs&) = delete;
    Runs& operator=(const Runs&) = delete;

    /// Jobs are numbered in the order of these calls. An error of the core's bounds is
    /// `unavailable`: the server is overloaded, not the caller's limit reached.
    asio::awaitable<Result<void>> start(ModelCall& call, jobs::Submission submission);
    /// One job of the call for each input.
    asio::awaitable<Result<void>> start_all(ModelCall& call, const http::Exchange& exchange,
                                            std::vector<catalog::Values> inputs);
    /// Arms the connection's hang-up; call once, after the body was read.
    void watch(http::Exchange& exchange);

    /// What has come, after at most `within`; ends of jobs are noted before they are returned.
    asio::awaitable<std::vector<Happening>> take(std::chrono::milliseconds within);
    /// Waits for all ends: the records in order, the error of the first that did not succeed, or
    /// `cancelled` when the client left.
    using Records = std::vector<std::shared_ptr<const jobs::JobRecord>>;
    asio::awaitable<Result<Records>> ends();
    void taken(std::uint32_t run, std::uint64_t bytes);

    [[nodiscard]] bool gone() const;
    [[nodiscard]] bool overrun() const;
    [[nodiscard]] bool all_ended() const { return open_ == 0; }
    [[nodiscard]] const JobId& id(std::uint32_t run) const { return jobs_[run].id; }
    /// Null while it runs.
    [[nodiscard]] const std::shared_ptr<const jobs::JobRecord>& record(std::uint32_t run) const {
        return jobs_[run].record;
    }

  private:
    class Inbox;
    class Watcher;
    struct Run {
        JobId id;
        std::shared_ptr<const jobs::JobRecord> record;
    };

    Site& site_;
    bool streamed_;
    std::shared_ptr<Inbox> inbox_;
    std::vector<Run> jobs_;
    std::size_t open_ = 0;
};

/// The outputs of a job that succeeded, wherever they lie.
asio::awaitable<Result<catalog::Values>> outputs_of(Site& site, const jobs::JobRecord& job);

}  // namespace headrace::protocols::openai

#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.hpp"
#include "config/config.hpp"

namespace headrace::main {

namespace asio = boost::asio;

/// Reads the settings again, all or nothing: everything is parsed, validated and prepared before
/// the first part takes its new values. Thread-safe.
class Reload {
  public:
    /// A part that can change while the server runs. `prepare` may refuse and changes nothing.
    struct Part {
        std::function<Result<void>(const config::Config&)> prepare;
        std::function<void(const config::Config&)> apply;
    };
    Reload(config::Sources sources, config::Config current)
        : sources_(std::move(sources)), current_(std::move(current)) {}

    /// At start only.
    void add(Part part) { parts_.push_back(std::move(part)); }

    /// Changed settings that need a restart keep their old effect and are named in the log.
    Result<void> run();
    /// run() for a caller that awaits: reads a small file, so it does so in place.
    asio::awaitable<Result<void>> run_async();
    /// The effective settings as JSON, secrets left out.
    [[nodiscard]] std::string show() const;

  private:
    config::Sources sources_;
    std::vector<Part> parts_;
    mutable std::mutex mutex_;  // guards current_ and keeps reloads apart
    config::Config current_;
};

}  // namespace headrace::main

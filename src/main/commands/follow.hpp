#pragma once

#include <optional>
#include <set>
#include <string>

#include "main/commands/api.hpp"

namespace headrace::main {

/// Follows a job to its end: a bar with percent, time left and place in the queue on a terminal,
/// streamed outputs as they come, media outputs into files. The exit code tells how the job ended.
class Follow {
  public:
    /// `output`: "FILE" for the one media output, or "name=FILE"; empty saves media under a made
    /// name. `replaced`: streamed outputs whose every step is the whole anew, so only the last is
    /// printed.
    Follow(Api& api, bool as_json, std::string output, std::set<std::string> replaced = {});

    /// A job that is there already. Survives a server that restarts meanwhile.
    int existing(const std::string& id);
    /// Sends `body` to POST /jobs and follows the answer. `streams`: the job has streamed outputs,
    /// so it goes as an interactive one that is cancelled when this program ends; others are
    /// durable.
    int submit(const json::value& body, bool streams);

  private:
    bool on_event(const http::SseEvent& event);
    void on_progress(const json::value& progress);
    void on_output(const json::value& step);
    int finish();
    int show_outputs(const json::value& output);
    std::optional<int> save(const std::string& name, const json::value& media, std::size_t number);
    void show_queue(const std::string& id);
    void draw(const std::string& line);
    void clear_line();
    [[nodiscard]] std::string bar(double fraction, const std::string& message) const;

    Api& api_;
    bool as_json_;
    std::string output_;
    std::set<std::string> replaced_;
    bool terminal_;
    bool drawn_ = false;
    std::int64_t running_since_ms_ = 0;
    std::string last_event_id_;
    std::set<std::string> streamed_;  // outputs that were printed as they came
    bool line_open_ = false;          // streamed text has not ended its line
    std::optional<json::value> job_;  // the final job object
};

}  // namespace headrace::main

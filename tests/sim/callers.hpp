#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "world.hpp"

namespace headrace::sim {

/// Everybody who wants something of the server: callers with their connections, and operators.
class Callers {
  public:
    explicit Callers(World& world) : world_(world) {}

    /// One thing that somebody does now.
    void act();
    /// All connections are gone with the server.
    void server_crashed() { open_sessions_.clear(); }
    /// Sessions that are still open send their last step.
    void say_goodbye();

  private:
    class Watcher;

    void submit_durable();
    void submit_interactive();
    void submit_keyed();
    void open_session();
    void feed_session();
    void cancel();
    void look();
    void retry();
    void watch();
    void remove_output();
    void operate();
    void harm();

    Submission submission(Story& story);
    Plan plan();
    void send(Submission submission, Story story);
    JobId any_job();

    World& world_;
    std::vector<JobId> known_;
    std::vector<JobId> open_sessions_;
};

}  // namespace headrace::sim

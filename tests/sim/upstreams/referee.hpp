#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "jobs/events.hpp"
#include "stores/memory/virtual_time.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/upstream.hpp"

namespace headrace::sim_upstreams {

using namespace upstreams;  // NOLINT: the simulation speaks of little else
using std::chrono::nanoseconds;

/// What is known of a server from outside: its spec, the calls it has, what it was seen to be.
struct Known {
    SpecPtr spec;
    bool there = true;
    std::uint32_t running = 0;
    double elsewhere = 0;  // calls that it told of and that are not ours
    Health seen = Health::up;
    SteadyTime changed_at{};     // when its circuit was last seen to open or close
    std::uint32_t openings = 0;  // seen since an answered call
    SteadyTime shut_until{};     // at least
    SteadyTime paused_until{};   // as it asked
    // While it fails everything:
    bool dead = false;
    SteadyTime dead_since{};
    std::uint32_t fails = 0;
    bool must_be_shut = false;
    bool must_open = false;      // it has refused our key
    std::uint32_t trials = 0;    // under way, begun when it had to be shut
    std::uint32_t tests = 0;     // asked for by somebody, under way
    SteadyTime heard_at{};       // a worker's last beat
    SteadyTime late_at{};        // it beat when it was about to be dropped
    SteadyTime deaf_until{};     // it has registered, and listens from then on
    SteadyTime awaited_until{};  // at most
    bool answered = true;        // since it registered
};
using KnownPtr = std::shared_ptr<Known>;

/// A call or a probe that a simulated server has.
struct Visit {
    KnownPtr server;
    SpecPtr spec;  // as it was when the call began
    JobId job;
    SteadyTime began{};
    bool trial = false;
    bool over = false;
    Abort* abort = nullptr;
    std::string text;  // that went to the job
};
using VisitPtr = std::shared_ptr<Visit>;

/// All that is known of one job from outside.
struct Story {
    bool durable = false;
    bool streamed = false;
    std::string model;
    SteadyTime changed_at{};  // submitted, or its last call ended
    bool running = false;     // leased
    bool ended = false;
    bool succeeded = false;
    std::vector<KnownPtr> tried;  // in this lease
    VisitPtr visit;               // under way
    VisitPtr begun;               // whose answer has begun
    std::string streamed_text;
    std::optional<SteadyTime> idle_since;  // a server could have it
};

/// Holds the room to its promises; keeps the first violation. Never throws.
class Referee {
  public:
    using Look = std::function<std::vector<UpstreamView>()>;

    /// `views` shows the servers as the room does.
    Referee(const stores::VirtualTime& time, Look views) : time_(time), views_(std::move(views)) {}

    void violation(std::string what);
    [[nodiscard]] bool failed() const { return first_.has_value(); }
    [[nodiscard]] const std::string& first() const { return *first_; }

    /// A spec is in use.
    void placed(const SpecPtr& spec);
    void removed(const std::string& name);
    void mood(const std::string& name, bool dead);
    void heard(const std::string& name, std::optional<double> load);
    /// A worker has registered: it is awaited, unless it was before and has not answered since.
    void registered(const std::string& name);
    /// One that has answers nobody until then.
    void deaf_until(const std::string& name, SteadyTime at);
    /// Somebody asks it on the spot: that ends an open time.
    void asked(const std::string& name);
    [[nodiscard]] KnownPtr find(const std::string& name) const;

    VisitPtr call_begins(const SpecPtr& spec, const JobId& job, Abort& abort);
    void part(const VisitPtr& visit, std::string_view text);
    void call_ends(const VisitPtr& visit, std::optional<Fault> fault, int retry_after_s);
    VisitPtr probe_begins(const std::string& name);
    void probe_ends(const VisitPtr& visit, std::optional<Fault> fault, std::optional<double> load);

    void submitted(const JobId& job, Story story);
    void event(const JobId& job, const jobs::JobEvent& event);

    /// Once nothing more happens at this instant.
    void look();
    /// All is well and has been for long.
    void check_end();
    /// The longest that a silent worker may be kept.
    void set_expire(milliseconds expire) { expire_ = expire; }

    std::map<JobId, Story> stories;
    std::uint32_t visits = 0;
    /// Hears of everything, for the trace.
    std::function<void(std::string_view what, std::string_view of)> note;

  private:
    [[nodiscard]] SteadyTime now() const { return time_.now(); }
    void check_choice(const Known& chosen, const Story& story);
    void check_visit(Known& server, bool asked_for);
    void check_end_of(const Story& story, const jobs::JobRecord& record);
    /// How the servers are at this moment.
    void see();
    void see(Known& server, Health health);
    void look_at(const Known& server, const UpstreamView& view);
    void look_at(Story& story);
    void counted(Visit& visit, std::optional<Fault> fault);
    [[nodiscard]] bool offered(const std::string& model) const;
    /// Whether it could take a call of the job now.
    [[nodiscard]] bool could_go(const Known& server, const Story& story) const;

    const stores::VirtualTime& time_;
    Look views_;
    std::optional<std::string> first_;
    std::map<std::string, KnownPtr> servers_;
    std::set<JobId> open_;                           // stories that have not ended
    std::map<std::string, SteadyTime> somebody_up_;  // by model: when last
    milliseconds expire_{0};
};

}  // namespace headrace::sim_upstreams

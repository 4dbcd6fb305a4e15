#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/unique_function.hpp"
#include "protocols/fastchat/parts.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::protocols::fastchat {

/// What a worker says of itself.
struct WorkerStatus {
    std::vector<std::string> models;
    double speed = 1;
    double queue_length = 0;
};

/// A worker that asks to be known, its address checked.
struct Registration {
    std::string worker_name;
    std::string base_url;  // what is dialled
    bool check_heart_beat = true;
    bool multimodal = false;
    WorkerStatus status;
};

/// The workers that registered, as servers of `upstreams`, which keeps them over a restart; here is
/// only when each was last heard of. Belongs to the core's loop.
class Registry {
  public:
    Registry(upstreams::Upstreams& upstreams, const Clock& clock, const Settings& settings)
        : upstreams_(upstreams), clock_(clock), settings_(settings) {}

    /// Adds the worker or brings it up to date. What an operator has set of it stays.
    void add(Registration registration, UniqueFunction<void(Result<void>)> done);
    /// False: not known, it must register again.
    bool beat(std::string_view worker_name, double queue_length);
    /// Drops those that beat no more. Call more than three times within the time that they have:
    /// a longer pause is a standstill of ours, after which each has the whole time again.
    void sweep();
    /// Asks every worker how it is, and takes its models as it tells them.
    void refresh(UniqueFunction<void(Result<void>)> done);

    enum class Which : std::uint8_t { all, multimodal, language };
    /// Of the workers that are up.
    [[nodiscard]] std::vector<std::string> models(Which which) const;
    [[nodiscard]] WorkerStatus aggregate() const;
    /// The worker that a call of this model would go to now.
    [[nodiscard]] Result<upstreams::SpecPtr> choose(std::string_view model) const;
    /// The same, and a call of it begins: it has a place there until leave(). not_found: no
    /// FastChat worker has the model; unavailable: none is up, or has room.
    [[nodiscard]] Result<upstreams::Visit> enter(std::string_view model);
    /// The call has ended; `answered`: the worker did what it was asked.
    void leave(const upstreams::Visit& visit, bool answered);
    /// As above, of one whose caller went away.
    void give_up(const upstreams::Visit& visit);
    /// Finds out how it is; `done` when choose() knows.
    void suspect(const upstreams::UpstreamSpec& spec, UniqueFunction<void(Result<bool>)> done);

  private:
    struct Refreshing;
    [[nodiscard]] std::vector<upstreams::UpstreamView> workers() const;
    [[nodiscard]] std::vector<upstreams::ModelSpec> models_of(
        const std::vector<std::string>& names, const upstreams::UpstreamSpec* known) const;
    void tested(const upstreams::SpecPtr& spec, const std::vector<std::string>& names);

    upstreams::Upstreams& upstreams_;
    const Clock& clock_;
    const Settings& settings_;
    std::map<std::string, SteadyTime, std::less<>> heard_;  // by name of the upstream
    SteadyTime swept_at_ = SteadyTime::max();
};

/// The name a worker gave itself, which is its identity; its url for one that an operator added.
std::string worker_name_of(const upstreams::UpstreamSpec& spec);

}  // namespace headrace::protocols::fastchat

#include "protocols/fastchat/registry.hpp"

#include <algorithm>
#include <cctype>
#include <memory>
#include <set>

#include "base/log.hpp"
#include "protocols/fastchat/worker_address.hpp"
#include "upstreams/dialer.hpp"
#include "upstreams/faults.hpp"
#include "upstreams/upstreams.hpp"

namespace headrace::protocols::fastchat {
namespace {

constexpr std::string_view kWorkerName = "worker_name";
constexpr std::string_view kBeats = "check_heart_beat";
constexpr std::string_view kMultimodal = "multimodal";
constexpr std::size_t kMostWorkers = 4'096;

std::string word_of(bool flag) {
    return flag ? "true" : "false";
}

void set_option(upstreams::UpstreamSpec& spec, std::string_view name, std::string value) {
    for (auto& [known, text] : spec.options) {
        if (known != name) continue;
        text = std::move(value);
        return;
    }
    spec.options.emplace_back(name, std::move(value));
}

bool only_embeds(std::string_view model, const std::vector<std::string>& parts) {
    std::string lower(model);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
        return lower.find(part) != std::string::npos;
    });
}

upstreams::UpstreamSpec new_worker(const Settings& settings, std::string name) {
    upstreams::UpstreamSpec spec;
    spec.tenant = settings.tenant;
    spec.name = std::move(name);
    spec.kind = upstreams::Kind::fastchat;
    spec.origin = kOrigin;
    // Its address was held against the networks of workers, which are private as a rule.
    spec.allow_private = true;
    spec.failures = 1;
    // A worker answers its head when the call leaves its queue, and then reads the prompt.
    spec.timeouts.between = std::chrono::minutes(5);
    return spec;
}

}  // namespace

std::string worker_name_of(const upstreams::UpstreamSpec& spec) {
    const auto name = spec.option(kWorkerName);
    return name.empty() ? spec.base_url : std::string(name);
}

std::vector<upstreams::UpstreamView> Registry::workers() const {
    auto all = upstreams_.list(settings_.tenant, false);
    std::erase_if(all, [&](const upstreams::UpstreamView& view) {
        return view.spec->kind != upstreams::Kind::fastchat ||
               view.spec->tenant != settings_.tenant;
    });
    return all;
}

std::vector<upstreams::ModelSpec> Registry::models_of(const std::vector<std::string>& names,
                                                      const upstreams::UpstreamSpec* known) const {
    std::vector<upstreams::ModelSpec> out;
    for (const auto& name : names) {
        bool found = false;
        // Aliases and profiles that an operator gave a model stay as long as the worker has it.
        for (const auto& model :
             known == nullptr ? std::vector<upstreams::ModelSpec>{} : known->models) {
            if (model.remote_name() != name) continue;
            out.push_back(model);
            found = true;
        }
        if (found) continue;
        upstreams::ModelSpec model;
        model.id = name;
        model.profile = only_embeds(name, settings_.embedding_models) ? catalog::Profile::embed
                                                                      : catalog::Profile::chat;
        out.push_back(std::move(model));
    }
    return out;
}

void Registry::add(Registration registration, UniqueFunction<void(Result<void>)> done) {
    const auto name = upstream_name_of(registration.worker_name);
    const auto known = upstreams_.find(settings_.tenant, name);
    if (!known && workers().size() >= kMostWorkers) {
        return done(fail(ErrorCode::quota_exceeded, "there are too many workers"));
    }
    auto spec = known ? *known->spec : new_worker(settings_, name);
    spec.base_url = std::move(registration.base_url);
    spec.models = models_of(registration.status.models, known ? known->spec.get() : nullptr);
    if (!known) spec.weight = std::clamp(registration.status.speed, 0.001, 1'000.0);
    set_option(spec, kWorkerName, registration.worker_name);
    set_option(spec, kBeats, word_of(registration.check_heart_beat));
    set_option(spec, kMultimodal, word_of(registration.multimodal));
    heard_[name] = clock_.now();
    // It may have come back with another template.
    if (auto* dialer = upstreams_.dialer(upstreams::Kind::fastchat)) dialer->forget(spec);
    log::info("fastchat worker registers worker={} models={} new={}", name, spec.models.size(),
              !known);
    const double load = registration.status.queue_length;
    upstreams_.put(
        std::move(spec), upstreams::Put::either,
        [this, name, load, done = std::move(done)](Result<upstreams::UpstreamView> put) mutable {
            if (!put) {
                log::warn("fastchat worker not taken worker={} error={}", name,
                          put.error().message);
                heard_.erase(name);
                return done(fail(std::move(put).error()));
            }
            upstreams_.heard_from(settings_.tenant, name, load);
            // FastChat's workers register, and listen then.
            upstreams_.expect(settings_.tenant, name);
            done({});
        });
}

bool Registry::beat(std::string_view worker_name, double queue_length) {
    const auto name = upstream_name_of(worker_name);
    const auto known = upstreams_.find(settings_.tenant, name);
    // One without its name is a worker whose options an operator has set anew: what it said of
    // itself is missing, and it says it again.
    if (!known || known->spec->option(kWorkerName).empty()) {
        heard_.erase(name);
        return upstreams::planted(upstreams::Plant::stranger_known);
    }
    if (!upstreams::planted(upstreams::Plant::beat_unheard)) heard_[name] = clock_.now();
    upstreams_.heard_from(settings_.tenant, name, queue_length);
    return true;
}

void Registry::sweep() {
    const auto now = clock_.now();
    // What they said meanwhile may lie unread.
    const bool stood_still = now > swept_at_ && now - swept_at_ > settings_.expire / 3;
    swept_at_ = now;
    if (stood_still) heard_.clear();
    for (const auto& view : workers()) {
        const auto& spec = *view.spec;
        if (spec.origin != kOrigin || spec.option(kBeats) != "true") continue;
        // One that was taken back from the store has the whole time to be heard of.
        const auto heard = heard_.try_emplace(spec.name, now).first->second;
        if (now - heard < settings_.expire ||
            upstreams::planted(upstreams::Plant::silent_worker_kept))
            continue;
        log::info("fastchat worker beats no more worker={}", spec.name);
        heard_.erase(spec.name);
        upstreams_.remove(spec.tenant, spec.name, [name = spec.name](Result<void> removed) {
            if (removed) return;
            log::warn("fastchat worker not removed worker={} error={}", name,
                      removed.error().message);
        });
    }
}

struct Registry::Refreshing {
    std::size_t left = 0;
    UniqueFunction<void(Result<void>)> done;
};

void Registry::refresh(UniqueFunction<void(Result<void>)> done) {
    const auto all = workers();
    if (all.empty()) return done({});
    auto state = std::make_shared<Refreshing>();
    state->left = all.size();
    state->done = std::move(done);
    for (const auto& view : all) {
        upstreams_.test(view.spec->tenant, view.spec->name,
                        [this, state, spec = view.spec](Result<upstreams::TestReport> report) {
                            if (report && report->ok) tested(spec, report->models);
                            if (--state->left == 0) state->done({});
                        });
    }
}

/// The models of a worker may have changed; only those that registered are ours to change.
void Registry::tested(const upstreams::SpecPtr& spec, const std::vector<std::string>& names) {
    heard_[spec->name] = clock_.now();
    if (spec->origin != kOrigin || names.empty()) return;
    auto fresh = *spec;
    fresh.models = models_of(names, spec.get());
    if (fresh.models == spec->models) return;
    upstreams_.put(std::move(fresh), upstreams::Put::replace,
                   [name = spec->name](Result<upstreams::UpstreamView> put) {
                       if (put) return;
                       log::warn("fastchat worker's models not taken worker={} error={}", name,
                                 put.error().message);
                   });
}

std::vector<std::string> Registry::models(Which which) const {
    std::set<std::string> names;
    for (const auto& view : workers()) {
        if (!view.spec->enabled || view.health == upstreams::Health::open) continue;
        const bool multimodal = view.spec->option(kMultimodal) == "true";
        if (which != Which::all && multimodal != (which == Which::multimodal)) continue;
        for (const auto& model : view.spec->models) names.insert(model.id);
    }
    return {names.begin(), names.end()};
}

WorkerStatus Registry::aggregate() const {
    WorkerStatus out;
    out.models = models(Which::all);
    out.speed = 0;
    for (const auto& view : workers()) {
        if (!view.spec->enabled || view.health == upstreams::Health::open) continue;
        out.speed += view.spec->weight;
        // What it told is of its last beat; our own calls are of now.
        out.queue_length += std::max(view.load.value_or(0), static_cast<double>(view.in_flight));
    }
    return out;
}

Result<upstreams::SpecPtr> Registry::choose(std::string_view model) const {
    auto spec = upstreams_.choose(settings_.tenant, model);
    if (spec && (*spec)->kind != upstreams::Kind::fastchat) {
        return fail(ErrorCode::not_found, "no FastChat worker has this model");
    }
    return spec;
}

Result<upstreams::Visit> Registry::enter(std::string_view model) {
    if (auto chosen = choose(model); !chosen) return fail(std::move(chosen).error());
    return upstreams_.enter(settings_.tenant, model);
}

void Registry::leave(const upstreams::Visit& visit, bool answered) {
    const upstreams::CallError error{
        upstreams::Fault::server, "unavailable", "the worker broke off its stream", 0, {}};
    upstreams_.leave(visit.id, answered ? nullptr : &error);
}

void Registry::give_up(const upstreams::Visit& visit) {
    const upstreams::CallError gone{upstreams::Fault::cancelled, "cancelled", "", 0, {}};
    upstreams_.leave(visit.id, &gone);
}

void Registry::suspect(const upstreams::UpstreamSpec& spec,
                       UniqueFunction<void(Result<bool>)> done) {
    upstreams_.test(spec.tenant, spec.name,
                    [done = std::move(done)](Result<upstreams::TestReport> report) mutable {
                        done(report && report->ok);
                    });
}

}  // namespace headrace::protocols::fastchat

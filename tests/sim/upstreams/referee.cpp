#include "referee.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "catalog/values.hpp"

namespace headrace::sim_upstreams {
namespace {

constexpr milliseconds kLongestPause{300'000};
constexpr milliseconds kAwaited{10'000};

bool is_shut(Health health) {
    return health == Health::open || health == Health::half_open;
}

bool same_circuit(const UpstreamSpec& a, const UpstreamSpec& b) {
    return a.base_url == b.base_url && a.kind == b.kind && a.key.reveal() == b.key.reveal();
}

}  // namespace

void Referee::violation(std::string what) {
    if (!first_) first_ = std::move(what);
}

KnownPtr Referee::find(const std::string& name) const {
    const auto found = servers_.find(name);
    return found == servers_.end() ? nullptr : found->second;
}

void Referee::placed(const SpecPtr& spec) {
    auto& known = servers_[spec->name];
    if (!known) {
        known = std::make_shared<Known>();
        known->heard_at = now();
    } else if (!same_circuit(*known->spec, *spec)) {
        // Another address or key is another chance.
        known->openings = known->fails = 0;
        known->shut_until = known->paused_until = {};
        known->must_be_shut = known->must_open = false;
        known->changed_at = known->dead_since = now();
        known->seen = Health::up;
        known->deaf_until = known->awaited_until = {};
        known->answered = true;
    }
    known->spec = spec;
}

void Referee::removed(const std::string& name) {
    const auto at = servers_.find(name);
    if (at == servers_.end()) return;
    at->second->there = false;
    servers_.erase(at);
}

void Referee::mood(const std::string& name, bool dead) {
    const auto known = find(name);
    if (known) known->deaf_until = {};
    if (!known || known->dead == dead) return;
    known->dead = dead;
    known->dead_since = now();
    known->fails = 0;
    known->must_be_shut = false;
}

void Referee::heard(const std::string& name, std::optional<double> load) {
    const auto known = find(name);
    if (!known) return;
    known->shut_until = known->paused_until = {};
    if (now() - known->heard_at >= expire_) known->late_at = now();
    known->heard_at = now();
    if (load) known->elsewhere = std::max(0.0, *load - known->running);
}

void Referee::registered(const std::string& name) {
    const auto known = find(name);
    if (!known || !known->answered) return;
    known->answered = false;
    known->awaited_until = now() + kAwaited;
}

void Referee::deaf_until(const std::string& name, SteadyTime at) {
    mood(name, true);
    const auto known = find(name);
    if (!known) return;
    known->fails = 0;
    known->must_be_shut = false;
    known->deaf_until = at;
}

void Referee::asked(const std::string& name) {
    if (const auto known = find(name)) known->shut_until = known->paused_until = {};
}

bool Referee::could_go(const Known& server, const Story& story) const {
    const UpstreamSpec& spec = *server.spec;
    return server.there && spec.enabled && spec.model(story.model) && server.seen == Health::up &&
           server.running < spec.room() &&
           std::none_of(story.tried.begin(), story.tried.end(),
                        [&](const KnownPtr& each) { return each.get() == &server; });
}

/// Nobody better may have been free.
void Referee::check_choice(const Known& chosen, const Story& story) {
    const auto burden = [](const Known& of) {
        return (of.running + of.elsewhere) / of.spec->weight;
    };
    for (const auto& [name, other] : servers_) {
        if (other.get() == &chosen || !could_go(*other, story)) continue;
        if (other->spec->priority < chosen.spec->priority) {
            violation(
                fmt::format("{} was asked although {} goes before it", chosen.spec->name, name));
        } else if (other->spec->priority == chosen.spec->priority &&
                   burden(*other) < burden(chosen) - 1e-9) {
            violation(fmt::format("{} was asked although {} has less to do for its weight",
                                  chosen.spec->name, name));
        }
    }
}

/// Whether a server may be asked at all.
void Referee::check_visit(Known& server, bool asked_for) {
    if (asked_for) return;
    if (now() < server.shut_until) {
        violation(fmt::format("{} was asked while its circuit had to be open", server.spec->name));
    }
    if (server.must_be_shut && server.trials > 0) {
        violation(fmt::format("{} has two trials at a time", server.spec->name));
    }
}

VisitPtr Referee::call_begins(const SpecPtr& spec, const JobId& job, Abort& abort) {
    ++visits;
    see();
    auto visit = std::make_shared<Visit>();
    auto known = find(spec->name);
    Story& story = stories[job];
    if (!known || known->spec != spec) {
        violation(fmt::format("{} was asked, which is not there any more", spec->name));
        known = std::make_shared<Known>();
        known->spec = spec;
    }
    if (!spec->enabled) violation(fmt::format("{} was asked, which is off", spec->name));
    check_visit(*known, false);
    if (now() < known->paused_until) {
        violation(fmt::format("{} was asked before the time it had asked for", spec->name));
    }
    if (known->running >= spec->room()) {
        violation(fmt::format("{} has more calls than it takes", spec->name));
    }
    if (abort.tripped()) violation("a call begins that is dropped already");
    if (story.ended) violation("a call of a job that has ended");
    if (story.visit) violation("a job has two calls at a time");
    if (story.begun) violation("another server goes on with an answer that had begun");
    if (!story.durable &&
        std::find(story.tried.begin(), story.tried.end(), known) != story.tried.end()) {
        violation(fmt::format("{} was asked twice for one call", spec->name));
    }
    check_choice(*known, story);
    note(fmt::format("{} has a call of", spec->name), job.text());
    visit->server = known;
    visit->spec = spec;
    visit->job = job;
    visit->began = now();
    visit->trial = known->must_be_shut;
    visit->abort = &abort;
    known->trials += visit->trial ? 1 : 0;
    ++known->running;
    story.tried.push_back(known);
    story.visit = visit;
    return visit;
}

void Referee::part(const VisitPtr& visit, std::string_view text) {
    visit->text.append(text);
    stories[visit->job].begun = visit;
}

/// What a failure or an answer must do to the circuit.
void Referee::counted(Visit& visit, std::optional<Fault> fault) {
    Known& server = *visit.server;
    if (visit.trial) server.trials -= std::min(server.trials, 1U);
    if (fault != Fault::server || !server.dead || visit.began < server.dead_since) return;
    if (server.seen == Health::starting) return;
    if (++server.fails >= server.spec->failures) server.must_be_shut = true;
}

void Referee::call_ends(const VisitPtr& visit, std::optional<Fault> fault, int retry_after_s) {
    Known& server = *visit->server;
    Story& story = stories[visit->job];
    see();
    note(fmt::format("{} ends with {} the call of", server.spec->name,
                     fault ? to_string(*fault) : "an answer"),
         visit->job.text());
    visit->over = true;
    --server.running;
    story.visit = nullptr;
    story.changed_at = now();
    counted(*visit, fault);
    if (!fault || fault == Fault::request) {
        server.openings = 0;
        server.answered = true;
    }
    const bool closed = !is_shut(server.seen) && server.changed_at < visit->began;
    if (fault == Fault::credentials && closed) server.must_open = true;
    if (fault == Fault::busy && closed) {
        const milliseconds asked = std::chrono::seconds(std::max(retry_after_s, 1));
        server.paused_until = std::max(server.paused_until, now() + std::min(asked, kLongestPause));
    }
}

VisitPtr Referee::probe_begins(const std::string& name) {
    ++visits;
    auto known = find(name);
    if (!known) return nullptr;
    const bool asked_for = known->tests > 0;
    check_visit(*known, asked_for);
    auto visit = std::make_shared<Visit>();
    visit->server = known;
    visit->began = now();
    visit->trial = known->must_be_shut && !asked_for;
    known->trials += visit->trial ? 1 : 0;
    return visit;
}

void Referee::probe_ends(const VisitPtr& visit, std::optional<Fault> fault,
                         std::optional<double> load) {
    if (!visit) return;
    see();
    note(fmt::format("probed, {}", fault ? to_string(*fault) : "there"), visit->server->spec->name);
    counted(*visit, fault);
    visit->server->answered = visit->server->answered || !fault;
    if (load && !fault) {
        visit->server->elsewhere = std::max(0.0, *load - visit->server->running);
    }
}

void Referee::submitted(const JobId& job, Story story) {
    story.changed_at = now();
    stories[job] = std::move(story);
    open_.insert(job);
}

void Referee::event(const JobId& job, const jobs::JobEvent& event) {
    Story& story = stories[job];
    if (story.ended) violation("an event after the last");
    if (const auto* state = std::get_if<jobs::StateEvent>(&event.what)) {
        note(jobs::to_string(state->state), job.text());
        story.running = state->state == jobs::JobState::running;
        if (story.running) story.tried.clear();
        story.changed_at = now();
    } else if (const auto* step = std::get_if<jobs::OutputEvent>(&event.what)) {
        const auto values = catalog::decode(step->values);
        const auto* text = values ? values->find("text") : nullptr;
        if (text) story.streamed_text += *text->get<std::string>();
    } else if (const auto* done = std::get_if<jobs::DoneEvent>(&event.what)) {
        note(fmt::format("{} with {}", jobs::to_string(done->record->state),
                         done->record->error ? done->record->error->code : "an output"),
             job.text());
        check_end_of(story, *done->record);
        story.ended = true;
        story.succeeded = done->record->state == jobs::JobState::succeeded;
        open_.erase(job);
    }
}

void Referee::check_end_of(const Story& story, const jobs::JobRecord& record) {
    if (story.visit && !story.visit->abort->tripped()) {
        violation("a job has ended and its call goes on");
    }
    if (record.state == jobs::JobState::succeeded) {
        if (!story.begun) return violation("a job succeeded without an answer");
        const auto values = catalog::decode(record.output->values);
        const auto* text = values ? values->find("text") : nullptr;
        if (!text || *text->get<std::string>() != story.begun->text) {
            violation("the result is not what the server answered");
        }
        if (story.streamed && story.streamed_text != story.begun->text) {
            violation("the stream is not what the server answered");
        }
        return;
    }
    const bool nobody = record.error && record.error->code == "unavailable";
    if (story.durable || !nobody || story.begun) return;
    see();
    for (const auto& [name, server] : servers_) {
        if (could_go(*server, story)) {
            violation(fmt::format("a call failed although {} was not asked", name));
        }
        const bool awaited = now() < std::min(server->deaf_until, server->awaited_until) &&
                             server->spec->enabled && server->spec->model(story.model) != nullptr;
        if (awaited) violation(fmt::format("a call failed although {} starts", name));
    }
}

}  // namespace headrace::sim_upstreams

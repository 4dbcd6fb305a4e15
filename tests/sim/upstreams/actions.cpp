// World: what callers and operators do, and what servers suffer.
#include <algorithm>

#include <fmt/format.h>

#include "world.hpp"

namespace headrace::sim_upstreams {

class World::Watcher final : public jobs::JobWatcher {
  public:
    Watcher(World& world, bool streamed) : world_(world), streamed_(streamed) {}

    void on_event(const std::shared_ptr<const jobs::JobEvent>& event) override {
        if (!known_) return early_.push_back(event);
        world_.referee.event(job_, *event);
    }
    [[nodiscard]] bool wants_outputs() const override { return streamed_; }
    void accepted(const JobId& job) {
        job_ = job;
        known_ = true;
        for (const auto& event : std::exchange(early_, {})) on_event(event);
    }

  private:
    World& world_;
    bool streamed_;
    bool known_ = false;
    JobId job_;
    std::vector<std::shared_ptr<const jobs::JobEvent>> early_;
};

UpstreamSpec World::new_spec(const std::string& name) {
    UpstreamSpec spec;
    spec.tenant = tenant_;
    spec.name = name;
    spec.base_url = "http://127.0.0.1:1/";
    const std::uint32_t which = random.below(3);
    if (which != 1) spec.models.push_back({"m0", "", catalog::Profile::chat});
    if (which != 0) spec.models.push_back({"m1", "remote", catalog::Profile::chat});
    spec.priority = random.chance(70) ? 0 : random.below(3);
    spec.weight = random.chance(50) ? 1 : 1 + random.below(4);
    spec.concurrency = random.chance(70) ? 1 + random.below(4) : 0;
    spec.failures = 1 + random.below(4);
    spec.probe_every = milliseconds(random.chance(30) ? 0 : 1'000 + random.below(5'000));
    spec.timeouts.total = milliseconds(2'000 + random.below(6'000));
    return spec;
}

void World::put(UpstreamSpec spec) {
    const std::string name = spec.name;
    note("put", name);
    room_.put(std::move(spec), Put::either, [this, name](Result<UpstreamView> put) {
        if (!put) return referee.violation("a server was not taken: " + put.error().message);
        referee.placed(put->spec);
        const Mood mood = sites_[name].mood;
        referee.mood(name, mood == Mood::dead);
    });
}

std::string World::any_server() {
    const auto views = room_.list(tenant_, true);
    if (views.empty()) return {};
    return views[random.below(static_cast<std::uint32_t>(views.size()))].spec->name;
}

void World::submit(const std::string& model, bool durable, bool streamed) {
    const auto version = catalog_.snapshot()->resolve_model(tenant_, model);
    if (!version) return;
    jobs::Submission submission;
    submission.tenant = TenantId("t" + std::to_string(random.below(2)));
    submission.caller = "key";
    submission.version = *version;
    submission.job_class = durable ? jobs::JobClass::durable : jobs::JobClass::interactive;
    if (random.chance(10)) submission.timeout_ms = 500 + random.below(2'000);
    const auto watcher = std::make_shared<Watcher>(*this, streamed);
    submission.watcher = watcher;
    Story story;
    story.durable = durable;
    story.streamed = streamed;
    story.model = model;
    core_.submit(std::move(submission),
                 [this, watcher, story = std::move(story)](Result<jobs::Accepted> accepted) {
                     if (!accepted) return referee.violation("a job was not taken");
                     note("accepted", accepted->id.text());
                     referee.submitted(accepted->id, story);
                     jobs_.push_back(accepted->id);
                     watcher->accepted(accepted->id);
                 });
}

void World::drop_somebody() {
    if (jobs_.empty()) return;
    const auto back = std::min<std::size_t>(jobs_.size(), 12);
    const JobId job = jobs_[jobs_.size() - 1 - random.below(static_cast<std::uint32_t>(back))];
    note("drop", job.text());
    if (random.chance(50)) return core_.hang_up(job);
    for (const char* tenant : {"t0", "t1"}) {
        core_.cancel({TenantId(tenant), std::nullopt}, job, [](Result<jobs::CancelOutcome>) {});
    }
}

void World::change_mood() {
    const std::string name = any_server();
    if (name.empty()) return;
    Site& site = sites_[name];
    // One that has too much to do may fall over with all that it has.
    const bool falls = site.mood == Mood::busy && random.chance(50);
    site.mood = static_cast<Mood>(random.below(static_cast<std::uint32_t>(Mood::count)));
    if (random.chance(40)) site.mood = Mood::fine;
    if (random.chance(20) || falls) site.mood = Mood::dead;
    site.slow_ms = random.chance(20) ? 400 : 20;
    site.retry_after_s = static_cast<int>(random.below(12));
    note(fmt::format("mood {} of", static_cast<int>(site.mood)), name);
    referee.mood(name, site.mood == Mood::dead);
}

void World::change_spec() {
    const auto view = room_.find(tenant_, any_server());
    if (!view) return;
    auto spec = *view->spec;
    switch (random.below(6)) {
        case 0:
            spec.priority = random.below(3);
            break;
        case 1:
            spec.weight = 1 + random.below(4);
            break;
        case 2:
            spec.concurrency = 1 + random.below(4);
            break;
        case 3:
            spec.key = Secret("key" + std::to_string(random.below(3)));
            break;
        case 4:
            spec.headers = {{"x-number", std::to_string(random.below(5))}};
            break;
        default:
            spec.enabled = !spec.enabled;
    }
    put(std::move(spec));
}

void World::remove() {
    const auto view = room_.find(tenant_, any_server());
    // A worker comes and goes by itself.
    if (!view || view->spec->kind == Kind::fastchat) return;
    const std::string name = view->spec->name;
    note("remove", name);
    room_.remove(tenant_, name, [this, name](Result<void> removed) {
        if (removed) referee.removed(name);
    });
}

void World::test() {
    const std::string name = any_server();
    const auto known = referee.find(name);
    if (!known) return;
    note("test", name);
    ++known->tests;
    referee.asked(name);
    room_.test(tenant_, name, [known](Result<TestReport>) { --known->tests; });
}

void World::act() {
    const std::uint32_t dice = random.below(100);
    const auto model = [this] {
        if (!workers_.empty() && random.chance(30)) return std::string("f");
        return random.chance(50) ? std::string("m0") : std::string("m1");
    };
    if (dice < 62) {
        const std::uint32_t count = random.chance(20) ? 6 : 1;
        for (std::uint32_t i = 0; i < count; ++i) {
            submit(model(), random.chance(25), random.chance(50));
        }
    } else if (dice < 70) {
        drop_somebody();
    } else if (dice < 84) {
        change_mood();
    } else if (dice < 91) {
        change_spec();
    } else if (dice < 93) {
        remove();
    } else if (dice < 95) {
        put(new_spec("s" + std::to_string(random.below(5))));
    } else if (dice < 97) {
        test();
    } else {
        disturb_worker();
    }
}

}  // namespace headrace::sim_upstreams

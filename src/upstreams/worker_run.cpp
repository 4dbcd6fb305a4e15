// PoolWorker: one job, from its lease to its end.
#include <algorithm>
#include <exception>

#include <fmt/format.h>

#include "base/log.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/core.hpp"
#include "upstreams/faults.hpp"
#include "upstreams/worker.hpp"

namespace headrace::upstreams {
namespace {

constexpr std::chrono::milliseconds kLook{1'000};  // how often one that waits looks by itself
constexpr std::uint32_t kRounds = 3;               // of a durable job over all servers
constexpr std::size_t kMostInline = 8 << 20;       // of an interactive job's output in memory

CallError input_error(const Error& error) {
    const bool passing = error.code == ErrorCode::unavailable;
    return {passing ? Fault::server : Fault::request, passing ? "unavailable" : "internal",
            "the stored input of the job cannot be read", 0, error.message};
}

CallError no_worker() {
    return {Fault::server, "unavailable", "no worker: no upstream of the model is up", 0, {}};
}

void add_meter(jobs::Usage& usage, std::string_view name, std::optional<std::uint64_t> value) {
    if (value) usage.meters.push_back({std::string(name), static_cast<double>(*value)});
}

}  // namespace

asio::awaitable<void> PoolWorker::run([[maybe_unused]] Self self, RunningPtr job) {
    bool threw = false;
    try {
        co_await run_checked(job);
    } catch (const std::exception& error) {
        // Whatever it was, the job must not stay at a worker that has done with it.
        if (room_.stopping) co_return;
        log::error("a call of an upstream threw job={} error={}", job->grant.job.text(),
                   error.what());
        threw = true;
    }
    if (threw) fail_job(job, {Fault::request, "internal", "the call failed", 0, {}});
}

asio::awaitable<void> PoolWorker::run_checked(RunningPtr job) {
    const jobs::Payload& payload = *job->grant.input;
    Result<catalog::Values> input = catalog::Values{};
    if (payload.spilled || !payload.media.empty())
        input = co_await load_input(job);
    else
        input = catalog::decode(payload.values);
    if (!input) {
        fail_job(job, input_error(input.error()));
        co_return;
    }
    CallError last = no_worker();
    for (std::uint32_t round = 1;;) {
        job->server = take_server(*job).server;
        if (!job->server) job->server = co_await reserve(job);
        if (!job->server) {
            // Nobody (more) to try. A durable job has time, but not for ever: it may be what kills.
            if (job->grant.durable && round++ < kRounds && !job->ended && !retired_) {
                job->tried.clear();
                continue;
            }
            fail_job(job, std::move(last));
            co_return;
        }
        auto answer = co_await call_server(job, *input);
        if (job->ended) co_return;
        if (answer) {
            co_await finish(job, std::move(*answer));
            co_return;
        }
        last = std::move(answer).error();
        const bool elsewhere = last.fault != Fault::request && last.fault != Fault::cancelled;
        const bool goes_on =
            elsewhere && !planted(Plant::no_failover) &&
            (!job->begun || (planted(Plant::second_answer) && last.fault == Fault::server));
        if (!goes_on) {
            fail_job(job, std::move(last));
            co_return;
        }
        log::debug("a call goes on elsewhere job={} upstream={} reason={}", job->grant.job.text(),
                   job->server->spec->name, last.detail.empty() ? last.message : last.detail);
        job->server->cells.retries->add();
        job->tried.push_back(job->server);
    }
}

asio::awaitable<Result<catalog::Values>> PoolWorker::load_input(RunningPtr job) {
    const jobs::Payload& payload = *job->grant.input;
    const TenantId tenant = job->grant.tenant;
    std::uint64_t left = room_.settings.most_input_bytes;
    Result<catalog::Values> values = catalog::Values{};
    if (payload.spilled) {
        auto bytes = co_await jobs::load_bytes(room_.parts.blobs, tenant, *payload.spilled, left);
        if (!bytes) co_return fail(std::move(bytes).error());
        left -= bytes->size();
        values = catalog::decode(*bytes);
    } else {
        values = catalog::decode(payload.values);
    }
    if (!values || payload.media.empty()) co_return values;
    std::vector<catalog::Media*> media;
    catalog::for_each_media(*values, [&media](std::string_view, catalog::Media& each) {
        if (std::holds_alternative<catalog::BlobSource>(each.source)) media.push_back(&each);
    });
    for (catalog::Media* each : media) {
        const jobs::BlobRef blob{std::get<catalog::BlobSource>(each->source).digest, each->size};
        auto bytes = co_await jobs::load_bytes(room_.parts.blobs, tenant, blob, left);
        if (!bytes) co_return fail(std::move(bytes).error());
        left -= bytes->size();
        each->source = catalog::InlineBytes{std::move(*bytes)};
    }
    co_return values;
}

PoolWorker::Taken PoolWorker::take_server(const Running& job) {
    if (job.ended) return {};
    std::vector<const Member*> tried;
    for (const auto& server : job.tried) tried.push_back(&server->member);
    const Chosen chosen = choose(members_, room_.now(), tried);
    if (chosen.choice != Choice::found) return {chosen.choice, nullptr};
    const ServerPtr server = servers_[chosen.index];
    server->member.last_used = ++room_.uses;
    return {chosen.choice, server};
}

asio::awaitable<ServerPtr> PoolWorker::reserve(RunningPtr job) {
    for (;;) {
        if (job->ended) co_return nullptr;
        const Taken taken = take_server(*job);
        if (taken.server) co_return taken.server;
        // A durable job has the time to wait for a server that comes back.
        const bool nobody = taken.choice == Choice::none;
        if (nobody && (!job->grant.durable || !job->tried.empty() || retired_)) co_return nullptr;
        waiting_.push_back(job);
        room_.waiting[number_] = this;
        if (nobody) {
            ++held_;
            give_credit();
        }
        co_await job->wait(kLook);
        if (nobody) --held_;
    }
}

asio::awaitable<CallResult<CallAnswer>> PoolWorker::call_server(RunningPtr job,
                                                                const catalog::Values& input) {
    const ServerPtr server = job->server;
    const SpecPtr spec = server->spec;
    const ModelSpec* model = spec->model(model_);
    if (!model) co_return call_failed(Fault::model, "unavailable", "the upstream has changed");
    if (room_.parts.called) room_.parts.called(job->grant.job, *spec);
    if (job->timed_out && !planted(Plant::time_stays_over)) {
        // That was the server before.
        job->timed_out = false;
        job->abort = Abort();
    }
    job->begun_at = room_.now();
    job->total_due = job->begun_at + spec->timeouts.total;
    const auto ticket = server->member.circuit.begin(job->begun_at);
    ++server->member.in_flight;
    ++server->calls;
    server->cells.in_flight->set(server->member.in_flight);
    const auto connections = server->connections;
    Line line{spec, *connections, job->abort};
    const Call call{*model, input, job->grant.job, job->grant.traceparent, job->grant.wants_stream};
    CallResult<CallAnswer> answer = call_failed(Fault::request, "internal", "the call failed");
    try {
        answer = co_await server->dialer().call(line, call, *job);
    } catch (const std::exception& error) {
        log::error("a dialer threw upstream={} job={} error={}", spec->name, job->grant.job.text(),
                   error.what());
    }
    job->total_due = {};
    if (answer || !planted(Plant::room_leaked)) --server->member.in_flight;
    server->cells.in_flight->set(server->member.in_flight);
    if (!job->too_large.empty()) {
        answer = call_failed(Fault::request, "engine_failed", job->too_large);
    } else if (job->timed_out) {
        answer = call_failed(Fault::server, "deadline_exceeded",
                             "the upstream did not end its answer in time");
    } else if (job->ended) {
        answer = call_failed(Fault::cancelled, "cancelled", "the call was dropped");
    }
    if (!answer) {
        auto& failed = answer.error();
        failed.message = without_secrets(std::move(failed.message), *spec);
        failed.detail = without_secrets(std::move(failed.detail), *spec);
    }
    const CallError* error = answer ? nullptr : &answer.error();
    server->judge(ticket, error);
    if (answer) server->count(answer->tokens);
    if (!job->ended) server->cells.calls[UpstreamMetrics::outcome(error)]->add();
    if (answer && !job->begun) {
        const std::chrono::duration<double> took = room_.now() - job->begun_at;
        server->cells.first_byte->observe(took.count());
    }
    server->settle();
    // Its room is for whoever waits, in whichever pool.
    for (const auto& [number, pool] : std::map<std::uint64_t, PoolWorker*>(room_.waiting)) {
        const auto& of = server->pools;
        if (std::find(of.begin(), of.end(), pool) != of.end()) pool->pump();
    }
    co_return answer;
}

asio::awaitable<void> PoolWorker::finish(RunningPtr job, CallAnswer answer) {
    catalog::Values& values = answer.output;
    job->move_kept(values);
    auto sound = version_->validator->check(catalog::Side::output, values);
    if (!sound) {
        fail_job(
            job,
            {Fault::request, "engine_failed", "the upstream's answer is not as declared", 0, {}});
        co_return;
    }
    jobs::Completion completion;
    std::vector<catalog::Media*> media;
    catalog::for_each_media(
        values, [&media](std::string_view, catalog::Media& each) { media.push_back(&each); });
    for (catalog::Media* each : media) {
        auto file = co_await store_media(job, *each);
        if (!file) {
            fail_job(job, {Fault::request, std::string(to_string(file.error().code)),
                           "the answer could not be stored", 0, file.error().message});
            co_return;
        }
        completion.output.media.push_back(file->blob);
        completion.files.push_back(std::move(*file));
    }
    std::string bytes = catalog::encode(values);
    const std::size_t most = job->grant.durable ? jobs::Payload::kInlineBytes : kMostInline;
    if (bytes.size() > most) {
        auto spilled =
            co_await jobs::store_bytes(room_.parts.blobs, job->grant.tenant, std::move(bytes));
        if (!spilled) {
            fail_job(job, {Fault::request, std::string(to_string(spilled.error().code)),
                           "the answer could not be stored", 0, spilled.error().message});
            co_return;
        }
        completion.output.spilled = *spilled;
    } else {
        completion.output.values = std::move(bytes);
    }
    if (job->ended) co_return;
    add_meter(completion.usage, "prompt_tokens", answer.tokens.prompt);
    add_meter(completion.usage, "completion_tokens", answer.tokens.completion);
    add_meter(completion.usage, "cached_tokens", answer.tokens.cached);
    completion.usage.engine_us = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(room_.now() - job->begun_at).count());
    end(job);
    (void)room_.parts.core.complete(id_, job->grant.job, job->grant.fence, std::move(completion));
    give_credit();
}

/// Stores one media value of an answer as a file and makes the value refer to it.
asio::awaitable<Result<jobs::FileRecord>> PoolWorker::store_media(RunningPtr job,
                                                                  catalog::Media& media) {
    auto* held = std::get_if<catalog::InlineBytes>(&media.source);
    if (!held) co_return fail(ErrorCode::engine_failed, "media of an answer must be inline");
    auto blob =
        co_await jobs::store_bytes(room_.parts.blobs, job->grant.tenant, std::move(held->bytes));
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.id = room_.parts.ids.make<FileId>();
    file.tenant = job->grant.tenant;
    file.owner = job->grant.caller;
    file.blob = *blob;
    file.content_type = media.content_type;
    file.name = media.name;
    file.created_at = room_.parts.clock.wall();
    file.expires_at = file.created_at + room_.settings.file_keep_ms;
    file.job = job->grant.job;
    media.size = blob->size;
    media.source = catalog::FileSource{file.id.text()};
    co_return file;
}

}  // namespace headrace::upstreams

#include "protocols/openai/batch_runner.hpp"

#include <set>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "access/keys.hpp"
#include "base/log.hpp"
#include "catalog/catalog.hpp"
#include "jobs/blob_io.hpp"
#include "jobs/log_io.hpp"
#include "jobs/service.hpp"
#include "jobs/waiting.hpp"
#include "protocols/openai/chat_output.hpp"
#include "protocols/openai/documents.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/runs.hpp"
#include "protocols/openai/wire_ids.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::size_t kAtATime = 16;  // lines of one batch
constexpr std::uint64_t kMostBytes = 200ULL << 20;
constexpr std::chrono::milliseconds kTryAgain{1'000};
constexpr std::int64_t kKeepMs = 30LL * 86'400'000;

/// Who a batch runs for, as long as its key is good; its role was held against the route then.
Result<access::Principal> principal_of(const Site& site, const BatchKey& key) {
    const auto record = site.parts.keys.get(key.tenant, key.owner);
    if (!record || record->revoked_at != 0) {
        return fail(ErrorCode::unauthenticated, "The key of this batch is no longer good.");
    }
    access::Principal who;
    who.tenant = record->tenant;
    who.key_id = record->id;
    who.role = record->role;
    who.capabilities = record->capabilities;
    return who;
}

asio::awaitable<void> pause(const asio::any_io_executor& executor) {
    asio::steady_timer timer(executor);
    timer.expires_after(kTryAgain);
    boost::system::error_code ended;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ended));
}

}  // namespace

struct BatchRunner::Running {
    Running(BatchKey key_, BatchFacts facts_, const asio::any_io_executor& executor)
        : key(std::move(key_)), facts(std::move(facts_)), bell(executor) {}

    BatchKey key;
    BatchFacts facts;
    BatchState state;  // under the runner's mutex
    // The rest belongs to the core's loop.
    jobs::Bell bell;
    std::size_t under_way = 0;
    bool cancelled = false;
    bool expired = false;
    std::set<JobId> jobs;
    std::string input;
    std::string output;
    std::string errors;
    [[nodiscard]] bool broken_off() const { return cancelled || expired; }
};

Uuid part_of(const Uuid& batch, BatchPart part) {
    Uuid id = batch;
    id.bytes.back() = static_cast<std::uint8_t>(id.bytes.back() ^ static_cast<std::uint8_t>(part));
    return id;
}

BatchRunner::BatchRunner(Site& site)
    : site_(site), tasks_(site.parts.jobs.core_loop().io().get_executor()) {}

BatchRunner::~BatchRunner() = default;

void BatchRunner::begin(BatchKey key, BatchFacts facts) {
    site_.parts.jobs.core_loop().post(
        [this, key = std::move(key), facts = std::move(facts)]() mutable {
            spawn(std::move(key), std::move(facts));
        });
}

void BatchRunner::spawn(BatchKey key, BatchFacts facts) {
    auto& io = site_.parts.jobs.core_loop().io();
    const auto id = key.id;
    auto batch = std::make_shared<Running>(std::move(key), std::move(facts), io.get_executor());
    {
        const std::lock_guard lock(mutex_);
        if (!running_.emplace(id, batch).second) return;
    }
    tasks_.spawn("batch", run(std::move(batch)));
}

void BatchRunner::cancel(const Uuid& id) {
    site_.parts.jobs.core_loop().post([this, id] {
        const std::lock_guard lock(mutex_);
        const auto at = running_.find(id);
        if (at == running_.end()) return;
        at->second->cancelled = true;
        at->second->state.status = "cancelling";
        at->second->bell.ring();
    });
}

std::optional<BatchState> BatchRunner::state(const Uuid& id) const {
    const std::lock_guard lock(mutex_);
    const auto at = running_.find(id);
    if (at == running_.end()) return std::nullopt;
    return at->second->state;
}

void BatchRunner::resume() {
    tasks_.spawn("unfinished batches", find_unfinished());
}

void BatchRunner::stop() {
    stopping_ = true;
    tasks_.cancel();
}

/// The newest of every tenant; what is older than their window has expired anyway.
asio::awaitable<void> BatchRunner::find_unfinished() {
    constexpr std::uint32_t kMost = 1'000;
    std::set<TenantId> tenants;
    for (const auto& record : site_.parts.keys.list_all()) tenants.insert(record.tenant);
    for (const auto& tenant : tenants) {
        jobs::FileQuery query;
        query.tenant = tenant;
        query.purpose = kBatchPurpose;
        query.limit = kMost;
        const auto files = co_await jobs::list_files(site_.parts.log, std::move(query));
        if (!files) {
            log::warn("batches not taken up tenant={} error={}", tenant.name,
                      files.error().message);
            continue;
        }
        for (const auto& file : *files) {
            const FileId end(part_of(file.id, BatchPart::end));
            const auto ended = co_await jobs::get_file(site_.parts.log, tenant, end);
            if (!ended || *ended) continue;
            const auto text =
                co_await jobs::load_bytes(site_.parts.blobs, tenant, file.blob, kMostBytes);
            const auto tree = parse_json_object(text ? *text : "");
            if (!tree) continue;
            const Uuid id = file.id;
            spawn({id, tenant, file.owner}, facts_from(*tree, wire_id(kBatchPrefix, id)));
        }
    }
}

asio::awaitable<void> BatchRunner::run(RunningPtr batch) {
    auto done = co_await work(*batch);
    if (done && batch->state.errors.empty() && !batch->broken_off()) {
        auto lines = lines_of(batch->input);
        co_await run_lines(batch, std::move(lines));
    }
    if (stopping_) co_return;
    std::string status = "completed";
    if (!done || !batch->state.errors.empty()) status = "failed";
    if (batch->expired) status = "expired";
    if (batch->cancelled) status = "cancelled";
    if (!done) {
        const std::lock_guard lock(mutex_);
        batch->state.errors.push_back({0, "input_file", done.error().message});
    }
    auto finished = co_await finish(*batch, std::move(status));
    if (!finished) {
        log::error("batch not finished batch={} error={}", batch->facts.id,
                   finished.error().message);
    }
    const std::lock_guard lock(mutex_);
    running_.erase(batch->key.id);
}

/// Loads and checks the input.
asio::awaitable<Result<void>> BatchRunner::work(Running& batch) {
    const FileId cancel(part_of(batch.key.id, BatchPart::cancel));
    const auto cancelled = co_await jobs::get_file(site_.parts.log, batch.key.tenant, cancel);
    if (cancelled && *cancelled) batch.cancelled = true;
    const auto input = parse_wire_id(kFilePrefix, batch.facts.input_file).value_or(Uuid{});
    const auto file = co_await jobs::get_file(site_.parts.log, batch.key.tenant, FileId(input));
    if (!file) co_return fail(file.error());
    if (!*file) co_return fail(ErrorCode::not_found, "The input file is gone.");
    auto text =
        co_await jobs::load_bytes(site_.parts.blobs, batch.key.tenant, (*file)->blob, kMostBytes);
    if (!text) co_return fail(std::move(text).error());
    batch.input = std::move(*text);
    const auto lines = lines_of(batch.input);
    auto errors = check_batch(lines, batch.facts.endpoint);
    const std::lock_guard lock(mutex_);
    batch.state.errors = std::move(errors);
    batch.state.total = batch.state.errors.empty() ? lines.size() : 0;
    batch.state.begun = site_.parts.clock.wall() / 1000;
    if (!batch.cancelled) batch.state.status = "in_progress";
    co_return Result<void>{};
}

asio::awaitable<void> BatchRunner::run_lines(RunningPtr batch,
                                             std::vector<std::string_view> lines) {
    std::size_t next = 0;
    while (next < lines.size() || batch->under_way > 0) {
        if (stopping_) co_return;
        batch->expired = site_.parts.clock.wall() / 1000 >= batch->facts.expires;
        if (batch->broken_off()) break;
        while (next < lines.size() && batch->under_way < kAtATime) {
            ++batch->under_way;
            const auto text = lines[next++];
            tasks_.spawn("line of a batch", run_line(batch, text, next));
        }
        co_await batch->bell.wait(std::chrono::seconds(10));
    }
    // What is broken off need not run on; its lines end as their jobs do.
    while (batch->under_way > 0 && !stopping_) {
        // All in one go, the latest first: no place may become free for one that still waits.
        const std::vector<JobId> open(batch->jobs.rbegin(), batch->jobs.rend());
        for (const auto& id : open) tasks_.spawn("cancel a line", cancel_line(batch, id));
        co_await batch->bell.wait(std::chrono::seconds(1));
    }
}

asio::awaitable<void> BatchRunner::cancel_line(RunningPtr batch, JobId id) {
    jobs::Scope scope{batch->key.tenant, std::nullopt};
    (void)co_await site_.parts.jobs.cancel(std::move(scope), id);
}

asio::awaitable<void> BatchRunner::run_line(RunningPtr batch, std::string_view text,
                                            std::size_t number) {
    auto line = read_batch_line(text, batch->facts.endpoint);
    Result<LineAnswer> body = fail(ErrorCode::internal, "no answer");
    if (line) body = co_await answer_of(*batch, std::move(line->body), number);
    --batch->under_way;
    batch->bell.ring();
    if (stopping_ || !line) co_return;
    const std::string id =
        "batch_req_" + batch->facts.id.substr(kBatchPrefix.size()) + '_' + std::to_string(number);
    const std::lock_guard lock(mutex_);
    if (body && body->status == 200) {
        batch->output += answer_line(id, line->custom_id, 200, body->body);
        ++batch->state.completed;
    } else if (body) {
        batch->errors += answer_line(id, line->custom_id, body->status, body->body);
        ++batch->state.failed;
    } else if (!batch->broken_off()) {
        const int status = status_of(body.error().code);
        batch->errors += answer_line(id, line->custom_id, status, error_body(body.error(), status));
        ++batch->state.failed;
    }
}

asio::awaitable<Result<LineAnswer>> BatchRunner::answer_of(Running& batch, json::object body,
                                                           std::size_t number) {
    const auto who = principal_of(site_, batch.key);
    if (!who) co_return fail(who.error());
    const auto model = require_text(body, "model");
    if (!model) co_return fail(model.error());
    const auto profile =
        batch.facts.endpoint == "/v1/embeddings" ? catalog::Profile::embed : catalog::Profile::chat;
    auto version = find_model(site_, *who, *model, profile);
    if (!version) co_return fail(std::move(version).error());
    auto plan = plan_line(batch.facts.endpoint, std::move(body), **version, batch.facts.created);
    if (!plan) co_return fail(std::move(plan).error());
    std::vector<std::shared_ptr<const jobs::JobRecord>> records;
    std::vector<catalog::Values> outputs;
    for (auto& input : plan->inputs) {
        const std::string name =
            batch.facts.id + '/' + std::to_string(number) + '/' + std::to_string(records.size());
        auto record = co_await run_job(batch, *version, std::move(input), name);
        if (!record) co_return fail(std::move(record).error());
        if ((*record)->state != jobs::JobState::succeeded) co_return fail(job_failure(**record));
        auto values = co_await outputs_of(site_, **record);
        if (!values) co_return fail(std::move(values).error());
        outputs.push_back(std::move(*values));
        records.push_back(std::move(*record));
    }
    co_return plan->answer(std::move(outputs), records);
}

asio::awaitable<Result<std::shared_ptr<const jobs::JobRecord>>> BatchRunner::run_job(
    Running& batch, catalog::VersionPtr version, catalog::Values input, std::string name) {
    auto& service = site_.parts.jobs;
    const auto& executor = service.core_loop().io().get_executor();
    jobs::Submission submission;
    submission.tenant = batch.key.tenant;
    submission.caller = batch.key.owner;
    submission.version = std::move(version);
    submission.priority = 3;  // behind what somebody waits for
    submission.input.values = catalog::encode(input);
    submission.idempotency = jobs::Idempotency{name, sha256(submission.input.values)};
    if (submission.input.values.size() > jobs::Payload::kInlineBytes) {
        auto spilled = co_await jobs::store_bytes(site_.parts.blobs, batch.key.tenant,
                                                  std::exchange(submission.input.values, {}));
        if (!spilled) co_return fail(std::move(spilled).error());
        submission.input.spilled = *spilled;
    }
    auto end = std::make_shared<jobs::EndWatcher>(executor);
    std::optional<jobs::Accepted> accepted;
    while (!accepted) {
        if (batch.broken_off()) co_return fail(ErrorCode::cancelled, "the batch was broken off");
        auto copy = submission;
        copy.watcher = end;
        auto tried = co_await service.submit(std::move(copy));
        if (tried) {
            accepted = std::move(*tried);
            break;
        }
        // A full queue and a server that drains are no fault of the line.
        const auto why = tried.error().code;
        const bool later = why == ErrorCode::quota_exceeded || why == ErrorCode::unavailable;
        if (!later || stopping_ || batch.broken_off()) co_return fail(std::move(tried).error());
        co_await pause(executor);
    }
    if (accepted->replay) {
        if (jobs::is_terminal(accepted->view.record->state)) co_return accepted->view.record;
        end = std::make_shared<jobs::EndWatcher>(executor);
        jobs::Scope scope{batch.key.tenant, std::nullopt};
        auto ticket = co_await service.watch(std::move(scope), accepted->id, 0, end);
        if (!ticket) co_return fail(std::move(ticket).error());
    }
    batch.jobs.insert(accepted->id);
    auto outcome = jobs::EndWatcher::Outcome::ran_out;
    while (outcome == jobs::EndWatcher::Outcome::ran_out) {
        outcome = co_await end->wait(std::chrono::hours(1));
    }
    batch.jobs.erase(accepted->id);
    co_return end->record();
}

/// Empty when there are none.
asio::awaitable<Result<std::string>> BatchRunner::keep_lines(Running& batch, BatchPart part,
                                                             std::string lines) {
    if (lines.empty()) co_return std::string();
    auto tenant = batch.key.tenant;
    auto blob = co_await jobs::store_bytes(site_.parts.blobs, std::move(tenant), std::move(lines));
    if (!blob) co_return fail(std::move(blob).error());
    jobs::FileRecord file;
    file.id = FileId(part_of(batch.key.id, part));
    file.tenant = batch.key.tenant;
    file.owner = batch.key.owner;
    file.blob = *blob;
    file.content_type = "application/jsonl";
    file.name = batch.facts.id + (part == BatchPart::output ? "_output.jsonl" : "_error.jsonl");
    file.purpose = "batch_output";
    file.created_at = site_.parts.clock.wall();
    auto id = wire_id(kFilePrefix, file.id);
    auto kept = co_await jobs::put_file(site_.parts.log, std::move(file));
    // It was written before the end was, in an earlier life.
    if (!kept && kept.error().code != ErrorCode::conflict) co_return fail(std::move(kept).error());
    co_return id;
}

asio::awaitable<Result<void>> BatchRunner::finish(Running& batch, std::string status) {
    BatchState state;
    {
        const std::lock_guard lock(mutex_);
        if (status == "completed") batch.state.status = "finalizing";
        state = batch.state;
    }
    auto output = co_await keep_lines(batch, BatchPart::output, std::move(batch.output));
    if (!output) co_return fail(std::move(output).error());
    auto errors = co_await keep_lines(batch, BatchPart::errors, std::move(batch.errors));
    if (!errors) co_return fail(std::move(errors).error());
    state.status = std::move(status);
    state.output_file = std::move(*output);
    state.error_file = std::move(*errors);
    state.ended = site_.parts.clock.wall() / 1000;
    DocumentKey key{batch.key.tenant, batch.key.owner, part_of(batch.key.id, BatchPart::end),
                    kBatchPartPurpose};
    auto text = state_text(state);
    co_return co_await keep_document(site_, std::move(key), std::move(text), kKeepMs);
}

}  // namespace headrace::protocols::openai

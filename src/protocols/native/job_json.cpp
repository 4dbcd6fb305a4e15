#include "protocols/native/job_json.hpp"

#include <array>
#include <cmath>

#include <fmt/compile.h>
#include <fmt/format.h>

#include "access/secrets.hpp"
#include "base/json.hpp"
#include "jobs/blob_io.hpp"

namespace headrace::protocols::native {
namespace {

/// `,"name":` made by the compiler, so that a member begins with one append.
struct Name {
    static constexpr std::size_t kMost = 20;
    template <std::size_t N>
    consteval Name(const char (&name)[N]) : size(N + 3) {  // NOLINT: a literal is the name
        static_assert(N + 3 <= kMost);
        text[0] = ',';
        text[1] = '"';
        for (std::size_t i = 0; i + 1 < N; ++i) text[i + 2] = name[i];
        text[N + 1] = '"';
        text[N + 2] = ':';
    }
    char text[kMost] = {};
    std::size_t size;
};

void member(std::string& out, const Name& name) {
    const std::size_t first = out.back() == '{' ? 1 : 0;
    out.append(name.text + first, name.size - first);
}

void text_member(std::string& out, const Name& name, std::string_view value) {
    member(out, name);
    append_json_string(out, value);
}

/// For texts of ours that hold nothing to escape.
void plain_member(std::string& out, const Name& name, std::string_view value) {
    member(out, name);
    out += '"';
    out += value;
    out += '"';
}

void time_member(std::string& out, const Name& name, WallMs at) {
    if (at != 0) plain_member(out, name, to_rfc3339(at));
}

template <class Number>
void append_number(std::string& out, Number value) {
    std::array<char, 32> digits;  // the longest double has 24
    out.append(digits.data(), fmt::format_to(digits.data(), FMT_COMPILE("{}"), value));
}

template <class Number>
void number_member(std::string& out, const Name& name, Number value) {
    member(out, name);
    append_number(out, value);
}

void append_queue(std::string& out, const jobs::QueuePlace& place) {
    member(out, "queue");
    out += '{';
    number_member(out, "position", place.position);
    if (place.estimate_s >= 0) {
        number_member(out, "estimate_s", std::round(place.estimate_s * 1000) / 1000);
    }
    out += '}';
}

void append_error(std::string& out, const jobs::JobError& error) {
    member(out, "error");
    out += '{';
    text_member(out, "code", error.code);
    text_member(out, "message", error.message);
    if (!error.reason.empty()) text_member(out, "reason", error.reason);
    member(out, "retryable");
    out += error.retryable ? "true" : "false";
    if (error.retry_after_s > 0) number_member(out, "retry_after", error.retry_after_s);
    out += '}';
}

bool is_empty(const jobs::Progress& progress) {
    return progress.fraction < 0 && progress.message.empty() && progress.values.empty();
}

void append_head(std::string& out, const jobs::JobRecord& job, jobs::JobState state) {
    out += '{';
    plain_member(out, "id", job.id.text());
    member(out, "capability");
    append_json_string(out, job.capability);
    out.back() = '@';
    out += job.version;
    out += '"';
    plain_member(out, "state", jobs::to_string(state));
    time_member(out, "created_at", job.created_at);
}

}  // namespace

catalog::MediaWriter media_writer(const Links& links, const std::vector<jobs::BlobRef>* media) {
    return [&links, media, next = std::size_t{0}](std::string& out,
                                                  const catalog::Media& value) mutable {
        const auto* file = std::get_if<catalog::FileSource>(&value.source);
        const bool stored =
            file != nullptr || std::holds_alternative<catalog::BlobSource>(value.source);
        const jobs::BlobRef* blob =
            stored && media != nullptr && next < media->size() ? &(*media)[next++] : nullptr;
        const auto id = file != nullptr ? FileId::parse(file->id) : std::nullopt;
        if (!id) {
            catalog::write_media(out, value);
            return;
        }
        access::UrlClaim claim;
        claim.tenant = links.tenant;
        claim.file = *id;
        claim.expires_at = links.expires_at;
        out += '{';
        text_member(out, "file_id", file->id);
        text_member(out, "url",
                    fmt::format("{}{}/files/{}/content?token={}", links.origin, kPrefix, file->id,
                                links.urls.sign(claim)));
        if (!value.content_type.empty()) text_member(out, "content_type", value.content_type);
        number_member(out, "size", blob != nullptr ? blob->size : value.size);
        if (blob != nullptr) text_member(out, "sha256", to_hex(blob->digest));
        out += '}';
    };
}

Result<void> append_values(std::string& out, std::string_view values, const Links& links,
                           const std::vector<jobs::BlobRef>* media) {
    const auto decoded = catalog::decode(values);
    if (!decoded) return fail(ErrorCode::internal, "stored values cannot be read");
    catalog::write_json(out, *decoded, media_writer(links, media));
    return {};
}

void append_progress(std::string& out, const jobs::Progress& progress, const Links& links) {
    out += '{';
    if (progress.fraction >= 0) number_member(out, "fraction", progress.fraction);
    if (!progress.message.empty()) text_member(out, "message", progress.message);
    if (!progress.values.empty()) {
        std::string values;
        if (append_values(values, progress.values, links, nullptr) && values.size() > 2) {
            if (out.back() != '{') out += ',';
            out.append(values, 1, values.size() - 2);
        }
    }
    out += '}';
}

void append_usage(std::string& out, const jobs::Usage& usage) {
    out += '{';
    number_member(out, "engine_s", static_cast<double>(usage.engine_us) / 1e6);
    number_member(out, "bytes_in", usage.bytes_in);
    number_member(out, "bytes_out", usage.bytes_out);
    if (!usage.meters.empty()) {
        member(out, "meters");
        out += '{';
        for (const auto& meter : usage.meters) {
            if (out.back() != '{') out += ',';
            append_json_string(out, meter.name);
            out += ':';
            append_number(out, std::isfinite(meter.value) ? meter.value : 0.0);
        }
        out += '}';
    }
    out += '}';
}

void append_job(std::string& out, const jobs::JobRecord& job, const Links& links,
                const JobShape& shape) {
    append_head(out, job, job.state);
    time_member(out, "started_at", job.started_at);
    time_member(out, "finished_at", job.finished_at);
    if (job.attempt > 0) number_member(out, "attempt", job.attempt);
    if (job.retry_of) plain_member(out, "retry_of", job.retry_of->text());
    if (!is_empty(job.progress)) {
        member(out, "progress");
        append_progress(out, job.progress, links);
    }
    if (shape.queue != nullptr && *shape.queue && job.state == jobs::JobState::queued) {
        append_queue(out, **shape.queue);
    }
    if (shape.output != nullptr) {
        const std::size_t before = out.size();
        member(out, "output");
        const auto* media = job.output ? &job.output->media : nullptr;
        if (!append_values(out, *shape.output, links, media)) out.resize(before);
    }
    if (job.error) append_error(out, *job.error);
    if (jobs::is_terminal(job.state)) {
        member(out, "usage");
        append_usage(out, job.usage);
    }
    out += '}';
}

void append_accepted(std::string& out, const jobs::JobRecord& job) {
    append_head(out, job, jobs::JobState::queued);
    if (job.retry_of) plain_member(out, "retry_of", job.retry_of->text());
    out += '}';
}

asio::awaitable<Result<std::shared_ptr<const std::string>>> output_values(
    Site& site, TenantId tenant, std::shared_ptr<const jobs::Payload> output) {
    using Text = std::shared_ptr<const std::string>;
    if (!output) co_return Text{};
    if (!output->spilled) co_return Text(output, &output->values);
    auto values = co_await jobs::load_bytes(site.parts.blobs, std::move(tenant), *output->spilled,
                                            output->spilled->size);
    if (!values) co_return fail(std::move(values).error());
    co_return std::make_shared<const std::string>(std::move(*values));
}

std::optional<std::string> text_at_hand(const jobs::JobRecord& job, const Links& links) {
    const auto& output = job.output;
    const bool shows = output && !job.output_removed;
    if (shows && output->spilled) return std::nullopt;
    std::string text;
    text.reserve(512);
    append_job(text, job, links, JobShape{nullptr, shows ? &output->values : nullptr});
    return text;
}

asio::awaitable<Result<std::string>> job_text(Site& site, const jobs::JobRecord& job,
                                              std::optional<jobs::QueuePlace> queue,
                                              const Links& links) {
    std::shared_ptr<const std::string> values;
    const auto& output = job.output;
    if (output && !job.output_removed) {
        if (output->spilled) {
            auto loaded = co_await output_values(site, job.tenant, output);
            if (!loaded) co_return fail(std::move(loaded).error());
            values = std::move(*loaded);
        } else {
            values = {output, &output->values};
        }
    }
    std::string text;
    text.reserve(512);
    append_job(text, job, links, JobShape{&queue, values.get()});
    co_return text;
}

std::string etag_of(const jobs::JobView& view) {
    const auto& job = *view.record;
    std::string facts =
        fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", job.id.text(), static_cast<int>(job.state),
                    job.attempt, job.started_at, job.finished_at, job.output_removed,
                    job.progress.fraction, job.progress.message);
    facts += job.progress.values;
    if (view.queue) facts += fmt::format("|{}|{}", view.queue->position, view.queue->estimate_s);
    const auto digest = sha256(facts);
    return '"' + to_hex({reinterpret_cast<const char*>(digest.data()), 12}) + '"';
}

}  // namespace headrace::protocols::native

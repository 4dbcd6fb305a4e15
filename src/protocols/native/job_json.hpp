#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>

#include "base/ids.hpp"
#include "catalog/json_codec.hpp"
#include "jobs/events.hpp"
#include "jobs/job.hpp"
#include "protocols/native/parts.hpp"

/// The job object and its parts, built by hand: this is the hot path of every answer.
namespace headrace::protocols::native {

/// What turns a produced file into an address its reader can open.
struct Links {
    const access::SignedUrls& urls;
    WallMs expires_at;   // of the signatures
    TenantId tenant;     // whose files
    std::string origin;  // "http://host:port", or empty for a path alone
};

/// {"file_id","url","content_type","size","sha256"}; `media` (may be null) holds the digests, in
/// the order of the values.
catalog::MediaWriter media_writer(const Links& links, const std::vector<jobs::BlobRef>* media);

/// A payload's values as one JSON object. internal when the stored bytes are no values.
Result<void> append_values(std::string& out, std::string_view values, const Links& links,
                           const std::vector<jobs::BlobRef>* media);

/// What is rendered beside the record.
struct JobShape {
    const std::optional<jobs::QueuePlace>* queue = nullptr;
    /// The output's serialized values; null leaves `output` out.
    const std::string* output = nullptr;
};
void append_job(std::string& out, const jobs::JobRecord& job, const Links& links,
                const JobShape& shape);
/// The job object as it stood when the job was accepted: the same bytes whenever it is asked for,
/// so that an idempotent twin gets the first answer.
void append_accepted(std::string& out, const jobs::JobRecord& job);

void append_progress(std::string& out, const jobs::Progress& progress, const Links& links);
void append_usage(std::string& out, const jobs::Usage& usage);

/// The output's values, or null where there is none; read from its blob where it was spilled.
asio::awaitable<Result<std::shared_ptr<const std::string>>> output_values(
    Site& site, TenantId tenant, std::shared_ptr<const jobs::Payload> output);
/// The whole job object of an ended job, unless its output was spilled: then job_text() reads it.
std::optional<std::string> text_at_hand(const jobs::JobRecord& job, const Links& links);
/// The whole job object with its output. Without suspending unless the output was spilled.
asio::awaitable<Result<std::string>> job_text(Site& site, const jobs::JobRecord& job,
                                              std::optional<jobs::QueuePlace> queue,
                                              const Links& links);

/// An entity tag that changes whenever the job object does (but for the signatures of urls).
std::string etag_of(const jobs::JobView& view);

}  // namespace headrace::protocols::native

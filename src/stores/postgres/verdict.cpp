#include "stores/postgres/verdict.hpp"

#include "stores/base/records.hpp"

namespace headrace::stores {
namespace {

Result<bool> accepted(const jobs::JobRecord& job, bool seen, bool in_doubt) {
    if (seen && in_doubt) return true;
    if (seen) return fail(ErrorCode::conflict, "a job with this id is there already");
    if (job.idempotency) return fail(ErrorCode::conflict, "the idempotency key is in use");
    return fail(ErrorCode::unavailable, "the job was not stored");
}

Result<bool> changed(const SeenJob* seen, bool in_doubt) {
    if (seen == nullptr) return fail(ErrorCode::not_found, "no such job");
    if (in_doubt && (seen->ended || seen->ours)) return true;
    if (seen->ended) return fail(ErrorCode::conflict, "the job has ended");
    return fail(ErrorCode::conflict, "another node has taken the job over");
}

}  // namespace

Result<bool> verdict(const PgChange& change, const SeenJob* seen, bool in_doubt) {
    const auto* const write = std::get_if<jobs::LogWrite>(&change);
    if (write == nullptr) {
        if (std::holds_alternative<FileRemoval>(change)) return in_doubt;
        if (in_doubt) return true;
        return fail(ErrorCode::conflict, "a file with this id is there already");
    }
    switch (write->kind) {
        case jobs::LogWrite::Kind::accept:
            return accepted(*write->job, seen != nullptr, in_doubt);
        case jobs::LogWrite::Kind::attempt:
        case jobs::LogWrite::Kind::requeue:
            return changed(seen, in_doubt);
        case jobs::LogWrite::Kind::release:
            if (in_doubt && seen != nullptr) return true;
            if (seen != nullptr && seen->ours && !seen->ended)
                return fail(ErrorCode::conflict, "the job's blobs are on this node");
            return changed(seen, false);
        case jobs::LogWrite::Kind::finish:
            if (in_doubt && seen != nullptr && seen->ended &&
                seen->body == encode_job(*write->job)) {
                return true;
            }
            return changed(seen, false);
        case jobs::LogWrite::Kind::remove_output:
            if (seen == nullptr) return fail(ErrorCode::not_found, "no such job");
            if (!seen->ended) return fail(ErrorCode::conflict, "the job has not ended");
            return true;
        case jobs::LogWrite::Kind::usage:
            break;
    }
    return true;
}

}  // namespace headrace::stores

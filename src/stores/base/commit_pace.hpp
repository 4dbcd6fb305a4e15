#pragma once

#include <chrono>
#include <cstdint>
#include <unordered_set>

#include "jobs/ports.hpp"

/// Which changes of the log wait for company and which need not be written, in every store alike.
namespace headrace::stores {

/// Who waits for a change; the highest of an inbox decides how long it gathers.
enum class Hurry : std::uint8_t { usage, attempt, now };

Hurry hurry_of(const jobs::LogWrite& write);
/// How long what is in no more of a hurry gathers company: the usage record of an interactive job,
/// or a job's first attempt, which its end tells again when it comes at once. None for `now`.
std::chrono::milliseconds patience_of(Hurry hurry);

/// A short job's attempt and end reach one batch, where the end tells all that the attempt does:
/// without this its row is written twice.
class ToldLater {
  public:
    /// Asked of a batch's changes from the last to the first: whether a later one of the same job
    /// makes this one unnecessary. Committed with that, it need not be written.
    bool ask(const jobs::LogWrite& write);
    /// Before the next batch.
    void clear() { jobs_.clear(); }

  private:
    std::unordered_set<JobId> jobs_;
};

}  // namespace headrace::stores

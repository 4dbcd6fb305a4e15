#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>
#include <vector>

#include "jobs/ports.hpp"
#include "jobs/submission.hpp"

namespace headrace::jobs {

/// Requests with an idempotency key whose first is not answered yet: twins wait and get its answer.
/// What was answered before is for the log to know.
class IdempotencyFlights {
  public:
    enum class Entry { first, twin, clash };

    /// `first`: the caller must go on and call land(). `twin`: `done` is kept until then. `clash`:
    /// the key is in flight with another body; `done` is left alone.
    Entry enter(const TenantId& tenant, const Idempotency& key, Done<Accepted>& done);
    /// Answers the first and its twins.
    void land(const TenantId& tenant, const std::string& key, Result<Accepted> answer);
    [[nodiscard]] std::size_t size() const { return flights_.size(); }

  private:
    struct Flight {
        Sha256 body{};
        std::vector<Done<Accepted>> waiting;  // the first's own at the front
    };
    static std::string name_of(const TenantId& tenant, const std::string& key);

    std::unordered_map<std::string, Flight> flights_;
};

}  // namespace headrace::jobs

#include "jobs/idempotency.hpp"

#include <utility>

#include "jobs/faults.hpp"

namespace headrace::jobs {

std::string IdempotencyFlights::name_of(const TenantId& tenant, const std::string& key) {
    return tenant.name + '\0' + key;
}

IdempotencyFlights::Entry IdempotencyFlights::enter(const TenantId& tenant, const Idempotency& key,
                                                    Done<Accepted>& done) {
    const auto [at, fresh] = flights_.try_emplace(name_of(tenant, key.key));
    Flight& flight = at->second;
    if (!fresh && flight.body != key.body && !planted(Fault::body_not_compared))
        return Entry::clash;
    flight.body = key.body;
    flight.waiting.push_back(std::move(done));
    return fresh ? Entry::first : Entry::twin;
}

void IdempotencyFlights::land(const TenantId& tenant, const std::string& key,
                              Result<Accepted> answer) {
    auto node = flights_.extract(name_of(tenant, key));
    if (node.empty()) return;
    auto& waiting = node.mapped().waiting;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
        Result<Accepted> copy = answer;
        if (copy && i > 0) copy->replay = true;
        waiting[i](std::move(copy));
    }
}

}  // namespace headrace::jobs

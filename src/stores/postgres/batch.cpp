#include "stores/postgres/batch.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "stores/base/records.hpp"
#include "stores/postgres/statements.hpp"

namespace headrace::stores {
namespace {

/// The last wave in which something was touched.
class Waves {
  public:
    /// The first wave after every one that touched one of these.
    template <class... Keys>
    std::uint32_t next(const Keys&... keys) {
        std::uint32_t wave = 0;
        ((wave = std::max(wave, free_[keys])), ...);
        ((free_[keys] = wave + 1), ...);
        return wave;
    }

  private:
    std::unordered_map<std::string, std::uint32_t> free_;
};

std::string key_of(const jobs::JobRecord& job) {
    return job.tenant.name + '\n' + job.idempotency->key;
}

}  // namespace

const TenantId& tenant_of(const PgChange& change) {
    if (const auto* write = std::get_if<jobs::LogWrite>(&change)) return write->job->tenant;
    if (const auto* file = std::get_if<jobs::FileRecord>(&change)) return file->tenant;
    return std::get<FileRemoval>(change).tenant;
}

Uuid id_of(const PgChange& change) {
    if (const auto* write = std::get_if<jobs::LogWrite>(&change)) return write->job->id;
    if (const auto* file = std::get_if<jobs::FileRecord>(&change)) return file->id;
    return std::get<FileRemoval>(change).id;
}

PgParameters rows_of(std::span<const PgChange* const> changes, std::uint64_t epoch) {
    PgArray tenants(PgType::text);
    PgArray ids(PgType::uuid);
    for (const PgChange* change : changes) {
        tenants.add(tenant_of(*change).name);
        ids.add(id_of(*change));
    }
    PgParameters out;
    out.big(static_cast<std::int64_t>(epoch)).array(tenants).array(ids);
    return out;
}

PgBatch::PgBatch(std::vector<const PgChange*> changes, std::uint64_t epoch, WallMs idempotent_after,
                 bool tell)
    : changes_(std::move(changes)), epoch_(epoch), idempotent_after_(idempotent_after) {
    sort_into_groups();
    for (const Group& group : groups_) calls_.push_back(call_of(group));
    if (tell) tell_nodes();
}

/// At most one message of each kind, however many changes there are.
void PgBatch::tell_nodes() {
    std::vector<const PgChange*> ended;
    bool offers = false;
    for (const Group& group : groups_) {
        offers = offers || group.kind == Kind::release;
        if (group.kind != Kind::finish) continue;
        for (const std::size_t member : group.members) ended.push_back(changes_[member]);
    }
    if (!ended.empty()) calls_.push_back({&sql::kTellEnded, rows_of(ended, epoch_)});
    if (offers) calls_.push_back({&sql::kTellOffered, {}});
}

PgBatch::Kind PgBatch::kind_of(const PgChange& change) {
    if (std::holds_alternative<jobs::FileRecord>(change)) return Kind::put_file;
    if (std::holds_alternative<FileRemoval>(change)) return Kind::remove_file;
    const auto& write = std::get<jobs::LogWrite>(change);
    switch (write.kind) {
        case jobs::LogWrite::Kind::accept:
            return write.job->idempotency ? Kind::accept_once : Kind::accept;
        case jobs::LogWrite::Kind::attempt:
        case jobs::LogWrite::Kind::requeue:
            return Kind::update;
        case jobs::LogWrite::Kind::release:
            return Kind::release;
        case jobs::LogWrite::Kind::finish:
            return Kind::finish;
        case jobs::LogWrite::Kind::remove_output:
            return Kind::strip;
        case jobs::LogWrite::Kind::usage:
            break;
    }
    return Kind::meter;
}

PgBatch::Group& PgBatch::group(std::uint32_t wave, Kind kind) {
    for (Group& group : groups_) {
        if (group.wave == wave && group.kind == kind) return group;
    }
    return groups_.emplace_back(Group{wave, kind, {}});
}

void PgBatch::sort_into_groups() {
    Waves waves;
    for (std::size_t i = 0; i < changes_.size(); ++i) {
        const Kind kind = kind_of(*changes_[i]);
        const std::string id = id_of(*changes_[i]).raw();
        const std::uint32_t wave =
            kind == Kind::accept_once ? waves.next(id, key_of(*write_at(i).job)) : waves.next(id);
        group(wave, kind).members.push_back(i);
    }
    std::stable_sort(groups_.begin(), groups_.end(),
                     [](const Group& a, const Group& b) { return a.wave < b.wave; });
    // Nodes that claim the same keys do it in the same order, or they could lock each other out.
    for (Group& group : groups_) {
        if (group.kind != Kind::accept_once) continue;
        std::sort(group.members.begin(), group.members.end(), [this](auto a, auto b) {
            return key_of(*write_at(a).job) < key_of(*write_at(b).job);
        });
    }
}

const jobs::LogWrite& PgBatch::write_at(std::size_t member) const {
    return std::get<jobs::LogWrite>(*changes_[member]);
}

std::vector<std::size_t> PgBatch::refused(std::span<const PgRows> results) const {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const Group& group = groups_[i];
        const PgRows& rows = results[i];
        if (group.kind == Kind::meter ||
            static_cast<std::size_t>(rows.size()) == group.members.size())
            continue;
        std::unordered_set<std::string_view> changed;
        for (int row = 0; row < rows.size(); ++row) changed.insert(rows.bytes(row, 0));
        for (const std::size_t member : group.members) {
            if (!changed.contains(id_of(*changes_[member]).raw())) out.push_back(member);
        }
    }
    return out;
}

PgCall PgBatch::call_of(const Group& group) const {
    switch (group.kind) {
        case Kind::accept:
            return accept(group, false);
        case Kind::accept_once:
            return accept(group, true);
        case Kind::update:
            return update(group);
        case Kind::release:
            return release(group);
        case Kind::finish:
            return finish(group);
        case Kind::strip:
            return strip(group);
        case Kind::meter:
            return meter(group);
        case Kind::put_file:
            return put_files(group);
        case Kind::remove_file:
            break;
    }
    return remove_files(group);
}

}  // namespace headrace::stores

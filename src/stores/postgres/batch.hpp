#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stores/postgres/change.hpp"
#include "stores/postgres/connection.hpp"

namespace headrace::stores {

/// The changes of one commit as few statements. Changes of one job keep their order: those that
/// would meet in one statement go into a later one.
class PgBatch {
  public:
    /// `changes` must outlive the batch. `idempotent_after`: keys claimed at or before this time
    /// are free again.
    /// tell_nodes: other nodes live, and hear of what concerns them.
    PgBatch(std::vector<const PgChange*> changes, std::uint64_t epoch, WallMs idempotent_after,
            bool tell_nodes);

    [[nodiscard]] const std::vector<PgCall>& calls() const { return calls_; }
    /// Given what the calls returned: the positions of the changes that the database refused.
    [[nodiscard]] std::vector<std::size_t> refused(std::span<const PgRows> results) const;

  private:
    enum class Kind : std::uint8_t {
        accept,
        accept_once,
        update,
        release,
        finish,
        strip,
        meter,
        put_file,
        remove_file,
    };
    struct Group {
        std::uint32_t wave = 0;
        Kind kind = Kind::accept;
        std::vector<std::size_t> members;
    };

    void sort_into_groups();
    void tell_nodes();
    static Kind kind_of(const PgChange& change);
    Group& group(std::uint32_t wave, Kind kind);
    [[nodiscard]] const jobs::LogWrite& write_at(std::size_t member) const;
    [[nodiscard]] PgCall call_of(const Group& group) const;
    [[nodiscard]] PgCall accept(const Group& group, bool once) const;
    [[nodiscard]] PgCall update(const Group& group) const;
    [[nodiscard]] PgCall release(const Group& group) const;
    [[nodiscard]] PgCall finish(const Group& group) const;
    [[nodiscard]] PgCall strip(const Group& group) const;
    [[nodiscard]] PgCall meter(const Group& group) const;
    [[nodiscard]] PgCall put_files(const Group& group) const;
    [[nodiscard]] PgCall remove_files(const Group& group) const;

    std::vector<const PgChange*> changes_;
    std::uint64_t epoch_;
    WallMs idempotent_after_;
    std::vector<Group> groups_;
    std::vector<PgCall> calls_;
};

/// Tenant and id of the row that a change is about.
const TenantId& tenant_of(const PgChange& change);
Uuid id_of(const PgChange& change);

/// The rows of the jobs of these changes, in two arrays behind the epoch: for sql::kLook, kUndo.
PgParameters rows_of(std::span<const PgChange* const> changes, std::uint64_t epoch);

}  // namespace headrace::stores

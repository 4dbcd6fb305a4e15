#pragma once

#include "base/clock.hpp"
#include "jobs/ports.hpp"
#include "stores/sqlite/database.hpp"
#include "stores/sqlite/usage_writer.hpp"

namespace headrace::stores {

/// Applies one change after another between begin() and commit(). Belongs to the committer's
/// thread. Whoever does not commit rolls the database back.
///
/// `conflict` and `not_found` leave the transaction as it was before the change. Any other error
/// comes from the disk: the caller rolls the whole transaction back.
class JobWriter {
  public:
    explicit JobWriter(Database& database);

    Result<void> begin();
    /// Writes the usage records that the changes brought, and all of it to disk.
    Result<void> commit();
    /// `idempotent_after`: keys claimed at or before this time are free again.
    Result<void> apply(const jobs::LogWrite& write, WallMs idempotent_after);
    Result<void> put_file(const jobs::FileRecord& file);
    /// Whether there was one.
    Result<bool> remove_file(const TenantId& tenant, const FileId& id);
    /// Output, kept input and media of an ended job are gone; the row is written anew.
    Result<void> strip(const jobs::JobRecord& job);
    /// The row of an ended job, its payloads and its media are gone.
    Result<void> erase(const TenantId& tenant, const JobId& id);

  private:
    Result<void> accept(const jobs::JobRecord& job, WallMs idempotent_after);
    Result<bool> claim(const jobs::JobRecord& job, WallMs idempotent_after);
    Result<void> insert_open(const jobs::JobRecord& job);
    Result<void> insert_ended(const jobs::JobRecord& job);
    Result<void> update_open(const jobs::JobRecord& job);
    Result<void> finish(const jobs::LogWrite& write);
    Result<void> take_from_open(const jobs::JobRecord& job);
    Result<void> write_extras(const jobs::LogWrite& write);
    Result<void> write_file(const jobs::FileRecord& file);
    Result<void> drop_payloads(const TenantId& tenant, const JobId& id);
    Result<void> add_refs(char kind, const TenantId& tenant, const Uuid& id,
                          const jobs::Payload& payload);
    Result<void> drop_refs(char kind, const TenantId& tenant, const Uuid& id);
    /// Why no open row was changed: the job has ended (conflict), or was never there (not_found).
    Error missing(const TenantId& tenant, const JobId& id);

    Database& database_;
    UsageWriter usage_;
    Statement claim_, unclaim_, insert_open_, update_open_, find_open_, erase_open_, insert_ended_,
        update_ended_, has_open_, has_ended_, erase_ended_, insert_input_, erase_input_, has_file_,
        replace_file_, erase_file_, files_of_job_, insert_ref_, erase_refs_;
};

}  // namespace headrace::stores

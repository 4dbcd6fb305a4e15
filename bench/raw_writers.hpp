#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/ids.hpp"

namespace headrace::bench {

/// Writes rows of an id and some bytes durably, and nothing else: the limit that a job log is held
/// against. Throws std::runtime_error.
class RawWriter {
  public:
    virtual ~RawWriter() = default;
    /// One row per id, in one commit; returns once it is on disk.
    virtual void commit(std::span<const Uuid> ids, std::string_view row) = 0;
};

/// One table in a new SQLite file: WAL, synchronous FULL.
std::unique_ptr<RawWriter> raw_sqlite(const std::string& file);
/// One table made anew in a PostgreSQL database; one INSERT from unnest() a commit.
std::unique_ptr<RawWriter> raw_postgres(const std::string& url);

}  // namespace headrace::bench

#pragma once

#include <string>

#include "base/result.hpp"
#include "base/unique_fd.hpp"

namespace headrace::stores {

/// The data folder of one server: made with mode 0700 when it is not there, and locked while this
/// object lives, so that two servers never write the same files. The lock goes with the process,
/// however that ends.
class DataFolder {
  public:
    /// Blocking. `conflict`, saying who holds it, when another server does; `unavailable` when it
    /// cannot be made or written; `internal` when others may write it.
    static Result<DataFolder> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string jobs_db() const { return path_ + "/jobs.db"; }
    [[nodiscard]] std::string catalog_db() const { return path_ + "/catalog.db"; }
    [[nodiscard]] std::string blobs() const { return path_ + "/blobs"; }
    [[nodiscard]] std::string master_key() const { return path_ + "/master.key"; }

  private:
    std::string path_;
    UniqueFd lock_;
};

}  // namespace headrace::stores

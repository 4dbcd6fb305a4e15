#pragma once

#include <memory>
#include <string>

#include "base/result.hpp"
#include "stores/base/lane.hpp"
#include "stores/sqlite/database.hpp"
#include "stores/sqlite/migrations.hpp"

namespace headrace::stores {

/// catalog.db and the one thread that uses it; shared by the stores of keys, versions and audit,
/// which it must outlive. Administrative acts are few: each is a transaction of its own.
class CatalogDatabase {
  public:
    /// Blocking; `internal`, naming the file, when it is damaged or of a newer program.
    static Result<std::unique_ptr<CatalogDatabase>> open(const std::string& path,
                                                         const OpenOptions& options = {});

    /// On the lane's thread, or at start before anything else uses it.
    Database& database() { return database_; }
    Lane& lane() { return lane_; }

  private:
    explicit CatalogDatabase(Database database) : database_(std::move(database)) {}

    Database database_;
    Lane lane_{"catalog"};
};

}  // namespace headrace::stores

#include "stores/sqlite/catalog_database.hpp"

#include "stores/sqlite/schema.hpp"

namespace headrace::stores {

Result<std::unique_ptr<CatalogDatabase>> CatalogDatabase::open(const std::string& path,
                                                               const OpenOptions& options) {
    auto database = open_checked(path, catalog_schema(), options);
    if (!database) return fail(database.error());
    return std::unique_ptr<CatalogDatabase>(new CatalogDatabase(std::move(*database)));
}

}  // namespace headrace::stores

#include "sqlite_stores.hpp"

namespace headrace::stores {

std::vector<Candidate> candidates() {
    return {{"SqliteAndDisk", [](const Clock& clock) { return std::make_unique<SqliteAndDisk>(clock); }}};
}

}  // namespace headrace::stores

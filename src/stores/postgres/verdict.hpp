#pragma once

#include "base/result.hpp"
#include "stores/postgres/change.hpp"

namespace headrace::stores {

/// What became of a change, told from its job's row as it stands now (null: there is none).
///
/// in_doubt: it was part of a commit that happened and whose answer was lost. Else the database has
/// refused it, and this says why.
Result<bool> verdict(const PgChange& change, const SeenJob* seen, bool in_doubt);

}  // namespace headrace::stores

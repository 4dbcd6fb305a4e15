#pragma once

#include <string_view>
#include <variant>

#include "base/ids.hpp"
#include "jobs/ports.hpp"

namespace headrace::stores {

struct FileRemoval {
    TenantId tenant;
    FileId id;
};

/// One thing that the committer writes.
using PgChange = std::variant<jobs::LogWrite, jobs::FileRecord, FileRemoval>;

/// What a later look at a job's row says.
struct SeenJob {
    bool ended = false;
    bool ours = false;  // this node has it, or ended it
    std::string body;
};

}  // namespace headrace::stores

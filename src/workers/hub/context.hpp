#pragma once

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/loop.hpp"
#include "base/task_group.hpp"
#include "catalog/catalog.hpp"
#include "jobs/core.hpp"
#include "workers/hub/settings.hpp"

namespace headrace::workers::hub {

/// What every link of the hub needs; the hub owns it, its parts outlive the hub.
struct Context {
    Settings settings;
    Loop& loop;  // the core's
    jobs::Core& core;
    jobs::BlobStore& blobs;
    catalog::Catalog& catalog;
    const Clock& clock;
    IdSource& ids;
    TaskGroup tasks;
};

}  // namespace headrace::workers::hub

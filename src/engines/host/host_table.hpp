#pragma once

#include "headrace/engine.h"

namespace headrace::engines::host {

class Outbox;

/// The functions that engine.h promises to an engine. `outbox` is for lines of the engine's own log
/// and must outlive every call.
const hr_host& host_table(Outbox& outbox);

}  // namespace headrace::engines::host

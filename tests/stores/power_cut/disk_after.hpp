#pragma once

#include <cstddef>
#include <random>
#include <span>
#include <string>

#include "power_cut/recorder.hpp"

namespace headrace::power_cut {

/// Makes in `folder`, which is empty, what a disk may hold when the power goes after `ops`.
///
/// What was synced is there. Of the rest of a file any sectors may have reached the disk, in any
/// order; of what was done to the names in a folder, some first part. A rename reaches the disk
/// whole, with its target's folder; the old name may be there as well.
void disk_after(std::span<const Op> ops, std::mt19937_64& random, const std::string& folder);

}  // namespace headrace::power_cut

// Stands in for the generated table where the page has not been built.
#include "protocols/console/assets.hpp"

namespace headrace::protocols::console {

std::span<const Asset> embedded_assets() {
    return {};
}

}  // namespace headrace::protocols::console

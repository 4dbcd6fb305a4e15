#pragma once

#include "base/cidr.hpp"

namespace headrace::http {

using headrace::Cidr;

}  // namespace headrace::http

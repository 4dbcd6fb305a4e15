#include "upstreams/fault.hpp"

namespace headrace::upstreams {

std::string_view to_string(Fault fault) {
    switch (fault) {
        case Fault::request:
            return "request";
        case Fault::model:
            return "model";
        case Fault::busy:
            return "busy";
        case Fault::credentials:
            return "credentials";
        case Fault::cancelled:
            return "cancelled";
        case Fault::server:
            break;
    }
    return "server";
}

}  // namespace headrace::upstreams

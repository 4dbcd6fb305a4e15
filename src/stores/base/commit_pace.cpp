#include "stores/base/commit_pace.hpp"

namespace headrace::stores {
namespace {
using Kind = jobs::LogWrite::Kind;
}

Hurry hurry_of(const jobs::LogWrite& write) {
    if (write.kind == Kind::usage) return Hurry::usage;
    // From the second on its lease waits for it.
    const bool first = write.kind == Kind::attempt && write.job->attempt <= 1;
    return first ? Hurry::attempt : Hurry::now;
}

std::chrono::milliseconds patience_of(Hurry hurry) {
    switch (hurry) {
        case Hurry::usage:
            return std::chrono::milliseconds(50);
        case Hurry::attempt:
            return std::chrono::milliseconds(5);
        case Hurry::now:
            break;
    }
    return std::chrono::milliseconds(0);
}

bool ToldLater::ask(const jobs::LogWrite& write) {
    if (write.kind == Kind::finish) jobs_.insert(write.job->id);
    if (write.kind != Kind::attempt && write.kind != Kind::requeue) return false;
    return !jobs_.insert(write.job->id).second;
}

}  // namespace headrace::stores

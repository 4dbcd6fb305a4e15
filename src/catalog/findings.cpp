#include "catalog/findings.hpp"

#include <utility>

#include "catalog/interface.hpp"

namespace headrace::catalog {

std::string PathNode::text() const {
    std::string out = parent ? parent->text() : std::string();
    if (index >= 0) return out + '[' + std::to_string(index) + ']';
    if (!out.empty()) out += '.';
    // The root is ours, and may be empty; every other name may have come from outside.
    if (!parent || is_field_name(name)) return out.append(name);
    return out + '?';
}

void Findings::add(const PathNode& path, std::string_view rule, std::string bound) {
    any_ = true;
    if (violations_.size() >= limit_) return;
    violations_.push_back(Violation{path.text(), std::string(rule), std::move(bound)});
}

Error Findings::error(std::string_view subject) && {
    std::string message(subject);
    if (violations_.empty()) {
        message += " is not valid";
    } else {
        const auto& first = violations_.front();
        message += " breaks " + (violations_.size() == 1
                                     ? std::string("a rule: ")
                                     : std::to_string(violations_.size()) + " rules, first: ");
        message += first.path + ' ' + first.rule;
        if (!first.limit.empty()) message += " (" + first.limit + ')';
    }
    return Error{ErrorCode::invalid_argument, std::move(message), std::move(violations_), 0};
}

}  // namespace headrace::catalog

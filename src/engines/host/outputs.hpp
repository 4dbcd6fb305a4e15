#pragma once

#include <string>
#include <string_view>

#include "catalog/interface.hpp"
#include "catalog/values.hpp"

namespace headrace::engines::host {

/// What an engine has set: `pending` since the last emit, `total` over all of the job. A session
/// keeps no total, because it may never end.
class Outputs {
  public:
    Outputs(const catalog::Interface& interface, bool keeps_total)
        : interface_(interface), keeps_total_(keeps_total) {}

    /// The output of this name, or null.
    [[nodiscard]] const catalog::FieldSpec* spec(std::string_view name) const;
    /// Sets a value; a further one of the same name makes a list.
    void add(const catalog::FieldSpec& spec, catalog::Value value);
    [[nodiscard]] bool has_pending() const { return !pending_.fields.empty(); }
    /// The pending values; they become part of the total.
    catalog::Values take_step();
    /// Everything, at the end of the job.
    catalog::Values take_total();

  private:
    void merge(const catalog::Field& field);

    const catalog::Interface& interface_;
    bool keeps_total_;
    bool stepped_ = false;
    catalog::Values pending_;
    catalog::Values total_;
};

}  // namespace headrace::engines::host

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "catalog/interface.hpp"
#include "catalog/values.hpp"

namespace headrace::catalog {

/// Which set of fields values are held against. `input` is inputs and parameters together.
enum class Side : std::uint8_t { input, output, progress_output, progress_input };
inline constexpr std::size_t kSides = 4;

/// whole: everything required must be there, defaults are filled in.
/// opening: a session's first frame: parameters whole, segments may be missing.
/// step: a later step, or a part of a streamed output: anything may be missing, no defaults.
enum class Completeness : std::uint8_t { whole, opening, step };

class FieldRule;
class FieldSet;

/// An interface compiled once; immutable, so any number of threads may use it at a time.
class Validator {
  public:
    /// invalid_argument, with one violation per fault, when the interface contradicts itself:
    /// names, limits that exclude each other, a default that breaks its own limits, a pattern or
    /// schema that does not compile.
    static Result<std::shared_ptr<const Validator>> compile(Interface interface);
    ~Validator();
    Validator(const Validator&) = delete;
    Validator& operator=(const Validator&) = delete;

    [[nodiscard]] const Interface& interface() const { return interface_; }

    /// Checks `values` and fills in defaults. invalid_argument with up to kMaxViolations
    /// violations; paths begin with "input", "output" or "progress". Media are checked as far as
    /// they are known: call again once a file or url has become bytes or a blob.
    Result<void> check(Side side, Values& values,
                       Completeness completeness = Completeness::whole) const {
        return check(side, values, completeness, false);
    }
    /// The same for input whose json values hold text that parse_json() is known to take.
    Result<void> check_sound(Side side, Values& values) const {
        return check(side, values, Completeness::whole, true);
    }

    /// For codecs that validate while they read.
    [[nodiscard]] const FieldSet& fields(Side side) const {
        return *sides_[static_cast<std::size_t>(side)];
    }

    static constexpr std::size_t kMaxViolations = 20;

  private:
    explicit Validator(Interface interface);
    Result<void> check(Side side, Values& values, Completeness completeness, bool json_sound) const;

    Interface interface_;
    std::unique_ptr<FieldSet> sides_[kSides];
};

/// The word a side's paths begin with.
std::string_view root_of(Side side);

}  // namespace headrace::catalog

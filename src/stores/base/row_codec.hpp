#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/digest.hpp"

namespace headrace::stores {

/// Writes the fields of a row's body one after the other. Whole numbers are varints (signed ones
/// zigzag), texts have their length before them.
class RowWriter {
  public:
    void number(std::uint64_t value);
    void signed_number(std::int64_t value);
    void real(double value);
    void text(std::string_view value);
    void fixed(std::string_view bytes) { out_ += bytes; }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    std::string out_;
};

/// Reads them back. A read past the end or a wrong length makes it bad for good; what it then gives
/// is empty.
class RowReader {
  public:
    explicit RowReader(std::string_view bytes) : rest_(bytes) {}
    std::uint64_t number();
    std::int64_t signed_number();
    double real();
    std::string text();
    std::string_view fixed(std::size_t count);
    /// Everything that is left.
    std::string_view rest() { return std::exchange(rest_, {}); }
    [[nodiscard]] bool good() const { return good_; }
    /// Good, and nothing left over.
    [[nodiscard]] bool complete() const { return good_ && rest_.empty(); }

  private:
    std::string_view rest_;
    bool good_ = true;
};

/// Checksum over the columns of a row: 64 bits of SHA-256, each part with its length, so that no
/// two rows share one by accident and a row that was moved or cut is noticed.
class RowSum {
  public:
    explicit RowSum(std::string_view table) {
        parts_.reserve(kUsual);
        add(table);
    }
    RowSum& add(std::string_view part);
    RowSum& add(std::int64_t part);
    [[nodiscard]] std::int64_t value() const;

  private:
    static constexpr std::size_t kUsual = 256;  // of a usage record, which every job makes
    std::string parts_;
};

}  // namespace headrace::stores

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"

namespace headrace::stores {

/// The types whose arrays we send, by their fixed numbers in every PostgreSQL.
enum class PgType : std::uint32_t {
    boolean = 16,
    bytes = 17,
    big = 20,
    small = 21,
    text = 25,
    real = 701,
    uuid = 2950,
};

/// An array parameter in PostgreSQL's binary form, written element by element.
class PgArray {
  public:
    explicit PgArray(PgType element);
    void add(std::string_view bytes);  // text, bytes
    void add(const std::string& bytes) { add(std::string_view(bytes)); }
    void add(const Uuid& id);
    void add_big(std::int64_t value);
    void add_small(std::int16_t value);
    void add_real(double value);
    void add_boolean(bool value);
    void add_null();
    [[nodiscard]] std::int32_t size() const { return size_; }
    [[nodiscard]] std::string take();

  private:
    void begin(std::size_t length);

    std::string out_;
    std::int32_t size_ = 0;
    bool has_null_ = false;
};

/// The parameters of one call, in order from $1; all binary.
class PgParameters {
  public:
    PgParameters& big(std::int64_t value);
    PgParameters& small(std::int16_t value);
    PgParameters& boolean(bool value);
    PgParameters& bytes(std::string value);
    PgParameters& text(std::string value) { return bytes(std::move(value)); }
    PgParameters& uuid(const Uuid& id) { return bytes(id.raw()); }
    PgParameters& array(PgArray& array) { return bytes(array.take()); }
    [[nodiscard]] const std::vector<std::string>& values() const { return values_; }

  private:
    std::vector<std::string> values_;
};

/// Binary columns back into numbers.
std::int64_t pg_big(std::string_view bytes);
std::int16_t pg_small(std::string_view bytes);

}  // namespace headrace::stores

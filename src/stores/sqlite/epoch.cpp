#include "stores/sqlite/epoch.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

std::int64_t epoch_sum(std::int64_t epoch) {
    return RowSum("meta").add("epoch").add(epoch).value();
}

}  // namespace

Result<std::uint64_t> raise_epoch(Database& database, std::int64_t by) {
    Statement select = database.prepare("SELECT value, sum FROM meta WHERE name = 'epoch'");
    select.start();
    const auto row = select.step();
    if (!row) return fail(row.error());
    std::int64_t epoch = 0;
    if (*row) {
        epoch = select.integer(0);
        if (select.integer(1) != epoch_sum(epoch)) {
            return fail(ErrorCode::internal, "damaged row in jobs.db: table meta, name epoch");
        }
        select.reset();
    }
    epoch += by;
    auto done = database
                    .prepare(
                        "INSERT INTO meta(name, value, sum) VALUES('epoch', ?1, ?2) "
                        "ON CONFLICT(name) DO UPDATE SET value = ?1, sum = ?2")
                    .run(epoch, epoch_sum(epoch));
    if (!done) return fail(done.error());
    return static_cast<std::uint64_t>(epoch);
}

}  // namespace headrace::stores

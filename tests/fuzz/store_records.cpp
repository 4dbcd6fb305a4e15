// Bodies of rows in jobs.db, as a damaged or foreign file may hold them: what can be read is
// written and read again as the same bytes. The first byte picks the kind.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "stores/base/records.hpp"
#include "stores/base/usage_block.hpp"

namespace {

using namespace headrace;

void require(bool holds) {
    if (!holds) std::abort();
}

template <class Record, class Decode, class Encode>
void read(std::string_view body, Decode decode, Encode encode) {
    Record record;
    if (!decode(body, record)) return;
    const auto written = encode(record);
    Record again;
    require(decode(written, again) && encode(again) == written);
}

bool read_block(std::string_view body, std::vector<jobs::UsageRecord>& records) {
    records.clear();
    return stores::decode_usage_block(body, TenantId("t"), records);
}

std::string write_block(const std::vector<jobs::UsageRecord>& records) {
    std::vector<const jobs::UsageRecord*> pointers;
    for (const auto& record : records) pointers.push_back(&record);
    return stores::encode_usage_block(pointers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 5) {
        case 0:
            read<jobs::JobRecord>(body, stores::decode_job, stores::encode_job);
            break;
        case 1:
            read<jobs::Payload>(body, stores::decode_payload, stores::encode_payload);
            break;
        case 2:
            read<jobs::FileRecord>(body, stores::decode_file, stores::encode_file);
            break;
        case 3:
            read<jobs::UsageRecord>(body, stores::decode_usage, stores::encode_usage);
            break;
        default:
            (void)stores::open_payload("input", TenantId("t"), JobId(), body);
            read<std::vector<jobs::UsageRecord>>(body, read_block, write_block);
    }
    return 0;
}

#include "stores/base/usage_block.hpp"

#include "stores/base/row_codec.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

/// 0 = as before; else one more than its length, and the text.
void put_text(RowWriter& out, std::string_view text, std::string_view before) {
    if (text == before) return out.number(0);
    out.number(text.size() + 1);
    out.fixed(text);
}

/// `text` holds the one before.
void read_text(RowReader& in, std::string& text) {
    const std::uint64_t size = in.number();
    if (size > 0) text = in.fixed(size - 1);
}

std::string_view name_at(const std::vector<jobs::Meter>& meters, std::size_t at) {
    return at < meters.size() ? std::string_view(meters[at].name) : std::string_view();
}

void put(RowWriter& out, const jobs::UsageRecord& record, const jobs::UsageRecord& before) {
    out.fixed({reinterpret_cast<const char*>(record.job.bytes.data()), record.job.bytes.size()});
    put_text(out, record.caller, before.caller);
    put_text(out, record.capability, before.capability);
    put_text(out, record.version, before.version);
    out.number(static_cast<std::uint64_t>(record.state));
    out.number(record.attempts);
    out.signed_number(record.queued_ms);
    out.signed_number(record.run_ms);
    out.signed_number(static_cast<WallMs>(static_cast<std::uint64_t>(record.finished_at) -
                                          static_cast<std::uint64_t>(before.finished_at)));
    const auto& meters = record.usage.meters;
    out.number(meters.size());
    for (std::size_t i = 0; i < meters.size(); ++i) {
        put_text(out, meters[i].name, name_at(before.usage.meters, i));
        out.real(meters[i].value);
    }
    out.number(record.usage.engine_us);
    out.number(record.usage.bytes_in);
    out.number(record.usage.bytes_out);
}

/// `record` holds the one before.
bool read(RowReader& in, jobs::UsageRecord& record) {
    const auto id = JobId::from_raw(in.fixed(record.job.bytes.size()));
    if (!id) return false;
    record.job = *id;
    read_text(in, record.caller);
    read_text(in, record.capability);
    read_text(in, record.version);
    const std::uint64_t state = in.number();
    if (state > static_cast<std::uint64_t>(jobs::JobState::expired)) return false;
    record.state = static_cast<jobs::JobState>(state);
    record.attempts = static_cast<std::uint32_t>(in.number());
    record.queued_ms = in.signed_number();
    record.run_ms = in.signed_number();
    // Unsigned: what no time makes overflows without harm, here as when it was written.
    record.finished_at = static_cast<WallMs>(static_cast<std::uint64_t>(record.finished_at) +
                                             static_cast<std::uint64_t>(in.signed_number()));
    auto& meters = record.usage.meters;
    const std::uint64_t count = in.number();
    for (std::uint64_t at = 0; at < count && in.good(); ++at) {
        if (at == meters.size()) meters.emplace_back();
        read_text(in, meters[at].name);
        meters[at].value = in.real();
    }
    if (!in.good()) return false;
    meters.resize(count);
    record.usage.engine_us = in.number();
    record.usage.bytes_in = in.number();
    record.usage.bytes_out = in.number();
    return in.good();
}

}  // namespace

std::string encode_usage_block(std::span<const jobs::UsageRecord* const> records) {
    static const jobs::UsageRecord kNone{};
    RowWriter out;
    out.number(kFormat);
    out.number(records.size());
    const jobs::UsageRecord* before = &kNone;
    for (const jobs::UsageRecord* record : records) {
        put(out, *record, *before);
        before = record;
    }
    return out.take();
}

bool decode_usage_block(std::string_view body, const TenantId& tenant,
                        std::vector<jobs::UsageRecord>& out) {
    RowReader in(body);
    if (in.number() != kFormat) return false;
    jobs::UsageRecord record;
    record.tenant = tenant;
    for (std::uint64_t left = in.number(); left > 0; --left) {
        if (!read(in, record)) return false;
        out.push_back(record);
    }
    return in.complete();
}

}  // namespace headrace::stores

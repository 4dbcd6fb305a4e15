#include "stores/base/usage_block.hpp"

namespace headrace::stores {
namespace {

constexpr std::uint64_t kFormat = 1;

/// 0 = as before; else one more than its length, and the text.
void put_text(RowWriter& out, std::string_view text, std::string_view before) {
    if (text == before) return out.number(0);
    out.number(text.size() + 1);
    out.fixed(text);
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

UsageBlockReader::UsageBlockReader(std::string_view body, const TenantId& tenant) : in_(body) {
    sound_ = in_.number() == kFormat;
    left_ = in_.number();
    record_.tenant = tenant;
}

const jobs::UsageRecord* UsageBlockReader::next() {
    if (!sound_ || left_ == 0) return nullptr;
    --left_;
    sound_ = read();
    return sound_ ? &record_ : nullptr;
}

/// `text` holds the one before.
void UsageBlockReader::read_text(std::string& text) {
    const std::uint64_t size = in_.number();
    if (size > 0) text = in_.fixed(size - 1);
}

/// `record_` holds the one before.
bool UsageBlockReader::read() {
    const auto id = JobId::from_raw(in_.fixed(record_.job.bytes.size()));
    if (!id) return false;
    record_.job = *id;
    read_text(record_.caller);
    read_text(record_.capability);
    read_text(record_.version);
    const std::uint64_t state = in_.number();
    if (state > static_cast<std::uint64_t>(jobs::JobState::expired)) return false;
    record_.state = static_cast<jobs::JobState>(state);
    record_.attempts = static_cast<std::uint32_t>(in_.number());
    record_.queued_ms = in_.signed_number();
    record_.run_ms = in_.signed_number();
    // Unsigned: what no time makes overflows without harm, here as when it was written.
    record_.finished_at = static_cast<WallMs>(static_cast<std::uint64_t>(record_.finished_at) +
                                              static_cast<std::uint64_t>(in_.signed_number()));
    auto& meters = record_.usage.meters;
    const std::uint64_t count = in_.number();
    for (std::uint64_t at = 0; at < count && in_.good(); ++at) {
        if (at == meters.size()) meters.emplace_back();
        read_text(meters[at].name);
        meters[at].value = in_.real();
    }
    if (!in_.good()) return false;
    meters.resize(count);
    record_.usage.engine_us = in_.number();
    record_.usage.bytes_in = in_.number();
    record_.usage.bytes_out = in_.number();
    return in_.good();
}

bool decode_usage_block(std::string_view body, const TenantId& tenant,
                        std::vector<jobs::UsageRecord>& out) {
    UsageBlockReader block(body, tenant);
    while (const jobs::UsageRecord* record = block.next()) out.push_back(*record);
    return block.complete();
}

}  // namespace headrace::stores

#include "engines/host/host_table.hpp"

#include <cmath>
#include <cstdio>
#include <exception>
#include <string_view>

#include "base/clock.hpp"
#include "engines/host/clean_text.hpp"
#include "engines/host/job.hpp"
#include "engines/host/outbox.hpp"
#include "link/frame.pb.h"

namespace headrace::engines::host {
namespace {

using catalog::Kind;
using catalog::Value;

constexpr std::size_t kMostLine = 16 * 1024;
constexpr std::size_t kMostMeters = 64;
constexpr std::size_t kMostCode = 64;
constexpr std::size_t kMostMessage = 2'000;

Outbox* log_outbox = nullptr;  // the one link of this process

/// Nothing may leave a C function as an exception.
template <class Body>
int guarded(Body body) {
    try {
        return body();
    } catch (const std::exception&) {
        return HR_E_FAILED;
    }
}

const Value* value_of(hr_job* job, const char* name, std::size_t index) {
    if (job == nullptr || name == nullptr) return nullptr;
    const Value* value = job->inputs.find(name);
    if (value == nullptr || value->is_null()) return nullptr;
    if (const auto* list = value->get<Value::List>())
        return index < list->size() ? &(*list)[index] : nullptr;
    return index == 0 ? value : nullptr;
}

std::size_t input_count(hr_job* job, const char* name) {
    if (job == nullptr || name == nullptr) return 0;
    const Value* value = job->inputs.find(name);
    if (value == nullptr || value->is_null()) return 0;
    const auto* list = value->get<Value::List>();
    return list != nullptr ? list->size() : 1;
}

/// Finds the value, and hands it to `take` as the type it must hold.
template <class T, class Out, class Take>
int read_input(hr_job* job, const char* name, std::size_t index, Out* out, Take take) {
    if (out == nullptr) return HR_E_ARGUMENT;
    const Value* value = value_of(job, name, index);
    if (value == nullptr) return HR_E_NOT_FOUND;
    const auto* held = value->get<T>();
    if (held == nullptr) return HR_E_TYPE;
    take(*held);
    return HR_OK;
}

int input_text(hr_job* job, const char* name, std::size_t index, hr_bytes* out) {
    return read_input<std::string>(job, name, index, out, [&](const std::string& text) {
        *out = {text.data(), text.size()};
    });
}

int input_json(hr_job* job, const char* name, std::size_t index, hr_bytes* out) {
    return read_input<catalog::Json>(job, name, index, out, [&](const catalog::Json& held) {
        *out = {held.text.data(), held.text.size()};
    });
}

int input_int(hr_job* job, const char* name, std::size_t index, std::int64_t* out) {
    const Value* value = value_of(job, name, index);
    if (out != nullptr && value != nullptr && value->get<catalog::Time>() != nullptr) {
        *out = value->get<catalog::Time>()->ms;
        return HR_OK;
    }
    return read_input<std::int64_t>(job, name, index, out, [&](std::int64_t held) { *out = held; });
}

int input_float(hr_job* job, const char* name, std::size_t index, double* out) {
    const Value* value = value_of(job, name, index);
    if (out != nullptr && value != nullptr && value->get<std::int64_t>() != nullptr) {
        *out = static_cast<double>(*value->get<std::int64_t>());
        return HR_OK;
    }
    return read_input<double>(job, name, index, out, [&](double held) { *out = held; });
}

int input_bool(hr_job* job, const char* name, std::size_t index, int* out) {
    return read_input<bool>(job, name, index, out, [&](bool held) { *out = held ? 1 : 0; });
}

int input_tensor(hr_job* job, const char* name, std::size_t index, hr_tensor* out) {
    return read_input<catalog::Tensor>(job, name, index, out, [&](const catalog::Tensor& held) {
        *out = {static_cast<std::uint32_t>(held.dtype),
                static_cast<std::uint32_t>(held.shape.size()), held.shape.data(), held.data.data(),
                held.data.size()};
    });
}

int input_media(hr_job* job, const char* name, std::size_t index, hr_media* out) {
    return read_input<catalog::Media>(job, name, index, out, [&](const catalog::Media& held) {
        *out = {held.content_type.c_str(), nullptr, nullptr, held.size};
        if (const auto* bytes = std::get_if<catalog::InlineBytes>(&held.source)) {
            out->data = bytes->bytes.data();
            out->size = bytes->bytes.size();
        } else if (const auto* source = std::get_if<catalog::PartSource>(&held.source)) {
            const Part* part = job->inbox.part(source->part);
            if (part == nullptr) return;
            out->size = part->size();
            if (part->path().empty())
                out->data = part->data().data();
            else
                out->path = part->path().c_str();
        }
    });
}

int next_input(hr_job* job, int timeout_ms) {
    if (job == nullptr || !job->session) return HR_E_ARGUMENT;
    return guarded([&] { return job->next_input(timeout_ms); });
}

/// Adds an output of this name, made by `make` for the field's kind; `make` gives null for a wrong
/// type.
template <class Make>
int set_output(hr_job* job, const char* name, Make make) {
    if (job == nullptr || name == nullptr) return HR_E_ARGUMENT;
    return guarded([&] {
        const auto* spec = job->outputs.spec(name);
        if (spec == nullptr) return static_cast<int>(HR_E_NOT_FOUND);
        Value value = make(spec->kind);
        if (value.is_null()) return static_cast<int>(HR_E_TYPE);
        job->outputs.add(*spec, std::move(value));
        return static_cast<int>(HR_OK);
    });
}

int output_text(hr_job* job, const char* name, const char* text, std::size_t size) {
    if (text == nullptr && size > 0) return HR_E_ARGUMENT;
    return set_output(job, name, [&](Kind kind) -> Value {
        if (kind != Kind::text && kind != Kind::string && kind != Kind::enumeration) return {};
        return std::string(text, size);
    });
}

int output_json(hr_job* job, const char* name, const char* text, std::size_t size) {
    if (text == nullptr) return HR_E_ARGUMENT;
    return set_output(job, name, [&](Kind kind) -> Value {
        if (kind != Kind::json) return {};
        return catalog::Json{std::string(text, size)};
    });
}

int output_int(hr_job* job, const char* name, std::int64_t number) {
    return set_output(job, name, [&](Kind kind) -> Value {
        if (kind == Kind::integer) return number;
        if (kind == Kind::floating) return static_cast<double>(number);
        if (kind == Kind::time) return catalog::Time{number};
        return {};
    });
}

int output_float(hr_job* job, const char* name, double number) {
    if (!std::isfinite(number)) return HR_E_ARGUMENT;
    return set_output(job, name, [&](Kind kind) -> Value {
        if (kind != Kind::floating) return {};
        return number;
    });
}

int output_bool(hr_job* job, const char* name, int held) {
    return set_output(job, name, [&](Kind kind) -> Value {
        if (kind != Kind::boolean) return {};
        return held != 0;
    });
}

int output_tensor(hr_job* job, const char* name, const hr_tensor* tensor) {
    if (tensor == nullptr || (tensor->shape == nullptr && tensor->rank > 0) ||
        (tensor->data == nullptr && tensor->size > 0) || tensor->dtype < HR_BOOL ||
        tensor->dtype > HR_BYTES) {
        return HR_E_ARGUMENT;
    }
    bool consistent = true;
    const int code = set_output(job, name, [&](Kind kind) -> Value {
        if (kind != Kind::tensor) return {};
        catalog::Tensor made;
        made.dtype = static_cast<catalog::DType>(tensor->dtype);
        made.shape.assign(tensor->shape, tensor->shape + tensor->rank);
        made.data.assign(static_cast<const char*>(tensor->data), tensor->size);
        consistent = catalog::is_consistent(made);
        if (!consistent) return {};
        return made;
    });
    return consistent ? code : static_cast<int>(HR_E_ARGUMENT);
}

int output_media(hr_job* job, const char* name, const char* content_type, const void* data,
                 std::size_t size) {
    if (content_type == nullptr || (data == nullptr && size > 0)) return HR_E_ARGUMENT;
    return set_output(job, name, [&](Kind kind) -> Value {
        if (!catalog::is_media(kind)) return {};
        catalog::Media media;
        media.content_type = content_type;
        media.size = size;
        media.source = catalog::InlineBytes{std::string(static_cast<const char*>(data), size)};
        return media;
    });
}

int emit(hr_job* job) {
    if (job == nullptr) return HR_E_ARGUMENT;
    return guarded([&] { return job->emit(); });
}

int progress(hr_job* job, double fraction, const char* message) {
    if (job == nullptr || std::isnan(fraction) || fraction > 1) return HR_E_ARGUMENT;
    return guarded([&] {
        job->progress(fraction < 0 ? -1 : fraction, message != nullptr ? message : "");
        return static_cast<int>(HR_OK);
    });
}

int cancelled(hr_job* job) {
    return job != nullptr && job->cancelled() ? 1 : 0;
}

void usage(hr_job* job, const char* meter, double value) {
    if (job == nullptr || meter == nullptr || !std::isfinite(value)) return;
    guarded([&] {
        for (auto& known : job->meters) {
            if (known.name == meter) {
                known.value += value;
                return 0;
            }
        }
        if (job->meters.size() < kMostMeters)
            job->meters.push_back({clean_text(meter, 256), value});
        return 0;
    });
}

void log_line(hr_job* job, const char* line) {
    if (line == nullptr) return;
    guarded([&] {
        const std::string_view text = std::string_view(line).substr(0, kMostLine);
        if (job == nullptr) {
            std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
            return 0;
        }
        if (job->forgotten()) return 0;
        wire::Frame frame;
        auto* log = frame.mutable_log();
        job->ref.write(*log->mutable_ref());
        log->set_stream("log");
        log->set_line(clean_text(text, kMostLine));
        log->set_at_ms(SystemClock().wall());
        log_outbox->send(frame);
        return 0;
    });
}

int fail_job(hr_job* job, const char* code, const char* message, int retryable) {
    if (job == nullptr || code == nullptr) return HR_E_ARGUMENT;
    return guarded([&] {
        job->failed =
            Failed{clean_text(code, kMostCode),
                   clean_text(message != nullptr ? message : "", kMostMessage), retryable != 0};
        return static_cast<int>(HR_OK);
    });
}

const char* job_id(hr_job* job) {
    return job != nullptr ? job->id.c_str() : "";
}
std::uint32_t attempt(hr_job* job) {
    return job != nullptr ? job->attempt : 0;
}
const char* traceparent(hr_job* job) {
    return job != nullptr ? job->traceparent.c_str() : "";
}
int wants_stream(hr_job* job) {
    return job != nullptr && job->wants_stream ? 1 : 0;
}
void* user_data(hr_job* job) {
    return job != nullptr ? job->user_data : nullptr;
}
void set_user_data(hr_job* job, void* data) {
    if (job != nullptr) job->user_data = data;
}

constexpr hr_host kTable = {sizeof(hr_host), input_count,  input_text,   input_int,    input_float,
                            input_bool,      input_json,   input_tensor, input_media,  next_input,
                            output_text,     output_int,   output_float, output_bool,  output_json,
                            output_tensor,   output_media, emit,         progress,     cancelled,
                            usage,           log_line,     fail_job,     job_id,       attempt,
                            traceparent,     wants_stream, user_data,    set_user_data};

}  // namespace

const hr_host& host_table(Outbox& outbox) {
    log_outbox = &outbox;
    return kTable;
}

}  // namespace headrace::engines::host

#include "catalog/values.hpp"

#include <array>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

#include <google/protobuf/arena.h>

#include "catalog/scalar_codec.hpp"
#include "catalog/values.pb.h"

namespace headrace::catalog {
namespace {

namespace wire = ::headrace;

constexpr std::size_t kArenaBytes = 2048;

// ---- writing

void write(const Tensor& from, wire::Tensor& to) {
    to.set_dtype(static_cast<wire::DType>(from.dtype));
    to.mutable_shape()->Add(from.shape.begin(), from.shape.end());
    to.set_data(from.data);
}

struct SourceWriter {
    wire::Media& to;
    void operator()(const InlineBytes& from) const { to.set_inline_(from.bytes); }
    void operator()(const FileSource& from) const { to.set_file_id(from.id); }
    void operator()(const UrlSource& from) const { to.set_url(from.url); }
    void operator()(const BlobSource& from) const {
        to.set_blob(from.digest.data(), from.digest.size());
    }
    void operator()(const PartSource& from) const { to.set_part(from.part); }
};

void write(const Media& from, wire::Media& to) {
    to.set_content_type(from.content_type);
    to.set_name(from.name);
    to.set_size(from.size);
    std::visit(SourceWriter{to}, from.source);
    for (const auto& [name, value] : from.attributes) {
        auto& attribute = *to.add_attributes();
        attribute.set_name(name);
        attribute.set_value(value);
    }
}

struct ValueWriter {
    wire::Value& to;
    void operator()(const Null&) const { to.set_null(true); }
    void operator()(const std::string& from) const { to.set_text(from); }
    void operator()(std::int64_t from) const { to.set_integer(from); }
    void operator()(double from) const { to.set_number(from); }
    void operator()(bool from) const { to.set_boolean(from); }
    void operator()(const Time& from) const { to.set_time_ms(from.ms); }
    void operator()(const Json& from) const { to.set_json(from.text); }
    void operator()(const Tensor& from) const { write(from, *to.mutable_tensor()); }
    void operator()(const Media& from) const { write(from, *to.mutable_media()); }
    void operator()(const Value::List& from) const {
        auto& list = *to.mutable_list();
        for (const auto& item : from) std::visit(ValueWriter{*list.add_items()}, item.kind);
    }
};

// ---- reading: strings are moved out of the message. Each returns what is wrong, or null.

const char* read(wire::Tensor& from, Tensor& to) {
    if (from.dtype() < wire::DTYPE_BOOL || from.dtype() > wire::DTYPE_BYTES) return "dtype";
    if (from.shape_size() > 16) return "rank";
    to.dtype = static_cast<DType>(from.dtype());
    to.shape.assign(from.shape().begin(), from.shape().end());
    to.data = std::move(*from.mutable_data());
    return is_consistent(to) ? nullptr : "tensor data";
}

const char* read(wire::Media& from, Media& to) {
    to.content_type = std::move(*from.mutable_content_type());
    to.name = std::move(*from.mutable_name());
    to.size = from.size();
    switch (from.source_case()) {
        case wire::Media::kInline:
            to.source = InlineBytes{std::move(*from.mutable_inline_())};
            to.size = std::get<InlineBytes>(to.source).bytes.size();
            break;
        case wire::Media::kFileId:
            to.source = FileSource{std::move(*from.mutable_file_id())};
            break;
        case wire::Media::kUrl:
            to.source = UrlSource{std::move(*from.mutable_url())};
            break;
        case wire::Media::kBlob: {
            BlobSource blob;
            if (from.blob().size() != blob.digest.size()) return "blob digest";
            std::copy(from.blob().begin(), from.blob().end(), blob.digest.begin());
            to.source = blob;
            break;
        }
        case wire::Media::kPart:
            if (from.part() == 0) return "part number";
            to.source = PartSource{from.part()};
            break;
        case wire::Media::SOURCE_NOT_SET:
            return "media without a source";
    }
    for (auto& attribute : *from.mutable_attributes()) {
        to.attributes.emplace_back(std::move(*attribute.mutable_name()),
                                   std::move(*attribute.mutable_value()));
    }
    return nullptr;
}

const char* read(wire::Value& from, Value& to, bool in_list) {
    switch (from.kind_case()) {
        case wire::Value::kText:
            to = std::move(*from.mutable_text());
            return nullptr;
        case wire::Value::kInteger:
            to = std::int64_t{from.integer()};
            return nullptr;
        case wire::Value::kNumber:
            to = from.number();
            return nullptr;
        case wire::Value::kBoolean:
            to = from.boolean();
            return nullptr;
        case wire::Value::kNull:
            to = Null{};
            return nullptr;
        case wire::Value::kTimeMs:
            to = Time{from.time_ms()};
            return nullptr;
        case wire::Value::kJson:
            to = Json{std::move(*from.mutable_json())};
            return nullptr;
        case wire::Value::kTensor:
            return read(*from.mutable_tensor(), to.kind.emplace<Tensor>());
        case wire::Value::kMedia:
            return read(*from.mutable_media(), to.kind.emplace<Media>());
        case wire::Value::kList: {
            if (in_list) return "list in a list";
            auto& list = to.kind.emplace<Value::List>();
            list.resize(static_cast<std::size_t>(from.list().items_size()));
            std::size_t index = 0;
            for (auto& item : *from.mutable_list()->mutable_items()) {
                if (const char* wrong = read(item, list[index++], true)) return wrong;
            }
            return nullptr;
        }
        case wire::Value::KIND_NOT_SET:
            return "empty value";
    }
    return "unknown value";
}

bool has_twins(const std::vector<Field>& fields) {
    if (fields.size() <= 16) {
        for (std::size_t i = 0; i < fields.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (fields[i].name == fields[j].name) return true;
            }
        }
        return false;
    }
    std::unordered_set<std::string_view> seen;
    for (const auto& field : fields) {
        if (!seen.insert(field.name).second) return true;
    }
    return false;
}

}  // namespace

// Scalars, as nearly all values are, are written and read by hand, without messages. For the
// rest the messages live in an arena that begins on the stack: one of a few fields allocates
// nothing but its long texts.
std::string encode(const Values& values) {
    if (auto scalars = encode_scalars(values)) return std::move(*scalars);
    std::array<char, kArenaBytes> memory;
    google::protobuf::Arena arena(memory.data(), memory.size());
    auto& message = *google::protobuf::Arena::CreateMessage<wire::Values>(&arena);
    for (const auto& field : values.fields) {
        auto& entry = *message.add_fields();
        entry.set_name(field.name);
        std::visit(ValueWriter{*entry.mutable_value()}, field.value.kind);
    }
    return message.SerializeAsString();
}

Result<Values> decode(std::string_view bytes) {
    if (auto scalars = decode_scalars(bytes); scalars && !has_twins(scalars->fields)) {
        return std::move(*scalars);
    }
    std::array<char, kArenaBytes> memory;
    google::protobuf::Arena arena(memory.data(), memory.size());
    auto& message = *google::protobuf::Arena::CreateMessage<wire::Values>(&arena);
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
        !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(ErrorCode::invalid_argument, "the bytes are not serialized values");
    }
    Values values;
    values.fields.resize(static_cast<std::size_t>(message.fields_size()));
    std::size_t index = 0;
    for (auto& entry : *message.mutable_fields()) {
        auto& field = values.fields[index++];
        field.name = std::move(*entry.mutable_name());
        if (const char* wrong = read(*entry.mutable_value(), field.value, false)) {
            return fail(ErrorCode::invalid_argument,
                        std::string("serialized values are broken: ") + wrong);
        }
    }
    if (has_twins(values.fields)) {
        return fail(ErrorCode::invalid_argument, "serialized values hold a name twice");
    }
    return values;
}

}  // namespace headrace::catalog

#include "engines/host/outputs.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace headrace::engines::host {

using catalog::Value;

namespace {

/// Whether both are JSON arrays; `total` then holds the elements of both.
bool extend_json(Value& total, const Value& part) {
    auto* whole = total.get<catalog::Json>();
    const auto* more = part.get<catalog::Json>();
    if (whole == nullptr || more == nullptr) return false;
    constexpr std::string_view kBlank = " \t\r\n";
    const auto inside = [&](std::string_view text) -> std::optional<std::string_view> {
        const auto first = text.find_first_not_of(kBlank);
        const auto last = text.find_last_not_of(kBlank);
        if (first == last || first == std::string_view::npos) return std::nullopt;
        if (text[first] != '[' || text[last] != ']') return std::nullopt;
        text = text.substr(first + 1, last - first - 1);
        return text.find_first_not_of(kBlank) == std::string_view::npos ? std::string_view() : text;
    };
    const auto old = inside(whole->text);
    const auto added = inside(more->text);
    if (!old || !added) return false;
    if (added->empty()) return true;
    if (old->empty()) {
        whole->text = more->text;
        return true;
    }
    whole->text.erase(whole->text.find_last_of(']'));
    whole->text.append(1, ',').append(*added).append(1, ']');
    return true;
}

/// Joins a further part of an `append` output to what there is: texts and media grow, lists and
/// JSON arrays get longer, anything else becomes a list.
void append_to(Value& total, const Value& part) {
    if (auto* text = total.get<std::string>();
        text != nullptr && part.get<std::string>() != nullptr) {
        text->append(*part.get<std::string>());
        return;
    }
    if (auto* media = total.get<catalog::Media>();
        media != nullptr && part.get<catalog::Media>() != nullptr) {
        auto* whole = std::get_if<catalog::InlineBytes>(&media->source);
        const auto* more = std::get_if<catalog::InlineBytes>(&part.get<catalog::Media>()->source);
        if (whole != nullptr && more != nullptr) {
            whole->bytes.append(more->bytes);
            media->size = whole->bytes.size();
            return;
        }
    }
    if (extend_json(total, part)) return;
    if (total.get<Value::List>() == nullptr) {
        Value::List list;
        list.push_back(std::move(total));
        total = Value(std::move(list));
    }
    auto& list = *total.get<Value::List>();
    if (const auto* more = part.get<Value::List>())
        list.insert(list.end(), more->begin(), more->end());
    else
        list.push_back(part);
}

}  // namespace

const catalog::FieldSpec* Outputs::spec(std::string_view name) const {
    const auto found =
        std::ranges::lower_bound(interface_.outputs, name, {}, &catalog::FieldSpec::name);
    return found != interface_.outputs.end() && found->name == name ? &*found : nullptr;
}

void Outputs::add(const catalog::FieldSpec& spec, Value value) {
    Value* there = pending_.find(spec.name);
    if (there == nullptr) {
        if (spec.list) {
            Value::List list;
            list.push_back(std::move(value));
            value = Value(std::move(list));
        }
        pending_.fields.push_back({spec.name, std::move(value)});
        return;
    }
    if (there->get<Value::List>() == nullptr) {
        Value::List list;
        list.push_back(std::move(*there));
        *there = Value(std::move(list));
    }
    there->get<Value::List>()->push_back(std::move(value));
}

void Outputs::merge(const catalog::Field& field) {
    const auto* how = spec(field.name);
    Value* there = total_.find(field.name);
    if (there != nullptr && how != nullptr && how->streaming == catalog::Streaming::append) {
        append_to(*there, field.value);
    } else {
        total_.set(field.name, field.value);
    }
}

catalog::Values Outputs::take_step() {
    stepped_ = true;
    if (keeps_total_) {
        for (const auto& field : pending_.fields) merge(field);
    }
    return std::exchange(pending_, {});
}

catalog::Values Outputs::take_total() {
    if (!stepped_) return std::exchange(pending_, {});
    for (const auto& field : pending_.fields) merge(field);
    pending_ = {};
    return std::exchange(total_, {});
}

}  // namespace headrace::engines::host

#include <algorithm>
#include <charconv>
#include <utility>

#include "catalog/field_read.hpp"
#include "catalog/findings.hpp"
#include "catalog/interface.hpp"
#include "catalog/validator.hpp"

namespace headrace::catalog {
namespace {

using Member = std::pair<std::string_view, const json::value*>;

/// Members sorted by key, which makes every list of the model sorted by name.
std::vector<Member> sorted_members(const json::object& object) {
    std::vector<Member> members;
    members.reserve(object.size());
    for (const auto& member : object) members.emplace_back(member.key(), &member.value());
    std::sort(members.begin(), members.end());
    return members;
}

class InterfaceReader {
  public:
    explicit InterfaceReader(Findings& findings) : findings_(findings) {}

    Interface read(const json::object& object) {
        for (const auto& member : object) section(member.key(), member.value());
        return std::move(interface_);
    }

  private:
    void section(std::string_view key, const json::value& value) {
        const PathNode root;
        const PathNode here = root.at(key);
        if (key == "mode") return mode(value, here);
        if (key == "profile") return profile(value, here);
        const auto* object = value.if_object();
        const bool known = key == "inputs" || key == "parameters" || key == "outputs" ||
                           key == "progress" || key == "errors" || key == "meters";
        if (!known) return findings_.add(here, "unknown_field");
        if (!object) return findings_.add(here, "type:object");
        if (key == "inputs") fields(*object, FieldGroup::input, interface_.inputs, here);
        if (key == "parameters")
            fields(*object, FieldGroup::parameter, interface_.parameters, here);
        if (key == "outputs") fields(*object, FieldGroup::output, interface_.outputs, here);
        if (key == "progress") progress(*object, here);
        if (key == "errors") errors(*object, here);
        if (key == "meters") meters(*object, here);
    }

    void mode(const json::value& value, const PathNode& here) {
        if (value == json::value("once"))
            interface_.mode = Mode::once;
        else if (value == json::value("stream"))
            interface_.mode = Mode::stream;
        else
            findings_.add(here, "values", "once, stream");
    }

    void profile(const json::value& value, const PathNode& here) {
        for (int i = 0; i <= static_cast<int>(Profile::image); ++i) {
            const auto profile = static_cast<Profile>(i);
            if (value.is_string() && value.get_string() == to_string(profile)) {
                interface_.profile = profile;
                return;
            }
        }
        findings_.add(here, "values", "chat, embed, rerank, transcribe, speak, image");
    }

    void fields(const json::object& object, FieldGroup group, std::vector<FieldSpec>& to,
                const PathNode& path) {
        for (const auto& [name, value] : sorted_members(object)) {
            const PathNode here = path.at(name);
            if (!is_field_name(name)) {
                findings_.add(here, "field_name");
            } else if (const auto* field = value->if_object()) {
                to.push_back(read_field(name, *field, group, here, findings_));
            } else {
                findings_.add(here, "type:object");
            }
        }
    }

    void progress(const json::object& object, const PathNode& path) {
        for (const auto& member : object) {
            const PathNode here = path.at(std::string_view(member.key()));
            const bool outputs = member.key() == "outputs";
            if (!outputs && member.key() != "inputs") {
                findings_.add(here, "unknown_field");
            } else if (const auto* fields_of = member.value().if_object()) {
                fields(*fields_of, FieldGroup::progress,
                       outputs ? interface_.progress_outputs : interface_.progress_inputs, here);
            } else {
                findings_.add(here, "type:object");
            }
        }
    }

    void errors(const json::object& object, const PathNode& path) {
        for (const auto& [code, value] : sorted_members(object)) {
            ErrorSpec spec{std::string(code), {}, false};
            const PathNode here = path.at(code);
            const auto* table = value->if_object();
            if (!table) return findings_.add(here, "type:object");
            for (const auto& member : *table) {
                const PathNode at = here.at(std::string_view(member.key()));
                if (member.key() == "description") {
                    text(member.value(), spec.description, at);
                } else if (member.key() == "retryable" && member.value().is_bool()) {
                    spec.retryable = member.value().get_bool();
                } else {
                    findings_.add(at,
                                  member.key() == "retryable" ? "type:boolean" : "unknown_field");
                }
            }
            interface_.errors.push_back(std::move(spec));
        }
    }

    void meters(const json::object& object, const PathNode& path) {
        for (const auto& [name, value] : sorted_members(object)) {
            MeterSpec spec{std::string(name), {}, {}};
            const PathNode here = path.at(name);
            const auto* table = value->if_object();
            if (!table) return findings_.add(here, "type:object");
            for (const auto& member : *table) {
                const PathNode at = here.at(std::string_view(member.key()));
                if (member.key() == "unit")
                    text(member.value(), spec.unit, at);
                else if (member.key() == "description")
                    text(member.value(), spec.description, at);
                else
                    findings_.add(at, "unknown_field");
            }
            interface_.meters.push_back(std::move(spec));
        }
    }

    void text(const json::value& value, std::string& to, const PathNode& path) {
        if (value.is_string())
            to = value.get_string();
        else
            findings_.add(path, "type:string");
    }

    Findings& findings_;
    Interface interface_;
};

}  // namespace

Result<Interface> interface_from_json(const json::object& object) {
    Findings findings(Validator::kMaxViolations);
    Interface interface = InterfaceReader(findings).read(object);
    if (findings.any()) return fail(std::move(findings).error("the interface"));
    return interface;
}

Result<Interface> interface_from_json(std::string_view text) {
    auto object = parse_json_object(text);
    if (!object) return fail(std::move(object.error()));
    return interface_from_json(*object);
}

}  // namespace headrace::catalog

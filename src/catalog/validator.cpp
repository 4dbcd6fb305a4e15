#include "catalog/validator.hpp"

#include <algorithm>
#include <utility>

#include "catalog/field_rule.hpp"
#include "catalog/profile.hpp"

namespace headrace::catalog {
namespace {

void check_groups(const Interface& interface, const PathNode& root, Findings& findings) {
    for (const auto& field : interface.inputs) {
        if (!is_segment(field.kind))
            findings.add(root.at("inputs").at(field.name).at("kind"), "segment");
    }
    const PathNode parameters = root.at("parameters");
    for (const auto& field : interface.parameters) {
        const PathNode here = parameters.at(field.name);
        if (is_segment(field.kind)) findings.add(here.at("kind"), "parameter");
        const bool taken = std::any_of(interface.inputs.begin(), interface.inputs.end(),
                                       [&](const auto& input) { return input.name == field.name; });
        if (taken) findings.add(here, "name_taken", "inputs");
    }
    for (const auto& error : interface.errors) {
        if (!is_field_name(error.code))
            findings.add(root.at("errors").at(error.code), "field_name");
    }
    for (const auto& meter : interface.meters) {
        if (!is_field_name(meter.name))
            findings.add(root.at("meters").at(meter.name), "field_name");
    }
}

}  // namespace

std::string_view root_of(Side side) {
    switch (side) {
        case Side::input:
            return "input";
        case Side::output:
            return "output";
        case Side::progress_output:
        case Side::progress_input:
            break;
    }
    return "progress";
}

Validator::Validator(Interface interface) : interface_(std::move(interface)) {
    for (auto& side : sides_) side = std::make_unique<FieldSet>();
}

Validator::~Validator() = default;

Result<std::shared_ptr<const Validator>> Validator::compile(Interface interface) {
    std::shared_ptr<Validator> validator(new Validator(std::move(interface)));
    const Interface& model = validator->interface_;
    Findings findings(kMaxViolations);
    const PathNode root;
    check_groups(model, root, findings);
    if (model.profile) check_profile(model, *model.profile, root, findings);
    const PathNode progress = root.at("progress");
    auto& sides = validator->sides_;
    const auto side = [&](Side which) -> FieldSet& {
        return *sides[static_cast<std::size_t>(which)];
    };
    side(Side::input).add(model.inputs, root.at("inputs"), findings);
    side(Side::input).add(model.parameters, root.at("parameters"), findings);
    side(Side::output).add(model.outputs, root.at("outputs"), findings);
    side(Side::progress_output).add(model.progress_outputs, progress.at("outputs"), findings);
    side(Side::progress_input).add(model.progress_inputs, progress.at("inputs"), findings);
    if (findings.any()) return fail(std::move(findings).error("the interface"));
    return std::shared_ptr<const Validator>(std::move(validator));
}

Result<void> Validator::check(Side side, Values& values, Completeness completeness,
                              bool json_sound) const {
    const FieldSet& set = fields(side);
    const PathNode root{nullptr, root_of(side), -1};
    Findings findings(kMaxViolations);
    FieldSet::Seen seen;
    for (auto& field : values.fields) {
        if (findings.full()) break;
        const PathNode here = root.at(std::string_view(field.name));
        const auto index = set.find(field.name);
        if (index == FieldSet::npos) {
            findings.add(here, "unknown_field");
        } else if (seen.test(index)) {
            findings.add(here, "duplicate_field");
        } else {
            seen.set(index);
            set.rule(index).check(field.value, completeness, here, findings, json_sound);
        }
    }
    set.finish(values, seen, completeness, root, findings);
    if (findings.any()) return fail(std::move(findings).error("the " + std::string(root_of(side))));
    return {};
}

void FieldSet::add(const std::vector<FieldSpec>& specs, const PathNode& path, Findings& findings) {
    if (specs.size() > kMaxFields)
        return findings.add(path, "max_items", std::to_string(kMaxFields));
    for (const auto& spec : specs) {
        if (find(spec.name) != npos) findings.add(path.at(spec.name), "duplicate_field");
        const auto at = std::lower_bound(
            rules_.begin(), rules_.end(), spec.name,
            [](const auto& rule, const auto& name) { return rule.spec().name < name; });
        rules_.emplace(at, spec, path.at(spec.name), findings);
    }
    owed_.clear();
    for (std::size_t i = 0; i < rules_.size(); ++i) {
        const FieldSpec& spec = rules_[i].spec();
        if (spec.fallback || spec.required) owed_.push_back(i);
    }
}

std::size_t FieldSet::find(std::string_view name) const {
    const auto at =
        std::lower_bound(rules_.begin(), rules_.end(), name,
                         [](const auto& rule, auto key) { return rule.spec().name < key; });
    if (at == rules_.end() || at->spec().name != name) return npos;
    return static_cast<std::size_t>(at - rules_.begin());
}

void FieldSet::finish(Values& values, const Seen& seen, Completeness completeness,
                      const PathNode& path, Findings& findings) const {
    if (completeness == Completeness::step) return;
    for (const std::size_t i : owed_) {
        if (findings.full()) return;
        if (seen.test(i)) continue;
        const FieldSpec& spec = rules_[i].spec();
        if (completeness == Completeness::opening && is_segment(spec.kind)) continue;
        if (spec.fallback) {
            values.fields.push_back(Field{spec.name, *spec.fallback});
        } else if (spec.required) {
            findings.add(path.at(std::string_view(spec.name)), "required");
        }
    }
}

}  // namespace headrace::catalog

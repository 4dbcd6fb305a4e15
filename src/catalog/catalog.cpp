#include "catalog/catalog.hpp"

#include <string>
#include <utility>

#include "base/log.hpp"
#include "catalog/model_id.hpp"

namespace headrace::catalog {
namespace {

/// The validator of an interface: the one that another version has already, because versions of one
/// interface may be many (the models of upstreams are), and what all of them use is in the cache.
Result<std::shared_ptr<const Validator>> compiled(Interface interface, const Sha256& digest,
                                                  const Snapshot& versions) {
    if (auto known = versions.validator(digest)) return known;
    return Validator::compile(std::move(interface));
}

tl::unexpected<Error> no_such() {
    return fail(ErrorCode::not_found, "no such capability or version");
}

}  // namespace

Catalog::Catalog(const Clock& clock, CatalogStore* store)
    : clock_(clock), store_(store), current_(std::make_shared<Snapshot>()) {}

SnapshotPtr Catalog::snapshot() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

Result<void> Catalog::load() {
    if (!store_) return {};
    auto records = store_->load();
    if (!records) return fail(std::move(records.error()));
    const Batch all(*this);
    for (auto& record : *records) {
        auto interface = interface_from_json(record.interface);
        const auto semver = SemVer::parse(record.version);
        const auto digest = interface ? digest_of(*interface) : Sha256{};
        auto validator = interface ? compiled(std::move(*interface), digest, latest())
                                   : tl::unexpected(interface.error());
        if (!validator || !semver) {
            // One row that an older or newer program wrote must not keep the whole server down.
            log::warn("stored version left out capability={}@{} tenant={}", record.name,
                      record.version, record.tenant.name);
            continue;
        }
        auto version = std::make_shared<Version>();
        version->id = latest().next_id();
        version->tenant = record.tenant;
        version->name = record.name;
        version->model = record.name;
        version->semver = *semver;
        version->title = record.title;
        version->description = record.description;
        version->digest = digest;
        version->validator = std::move(*validator);
        version->limits = record.limits;
        version->created_at = record.created_at;
        // The system's come with --engine, and come back with it; those of agents stay for good.
        version->hidden = record.hidden || record.tenant == kSystemTenant;
        change().put(version);
    }
    return {};
}

Result<VersionPtr> Catalog::add(Registration registration, std::string_view interface_json) {
    auto interface = interface_from_json(interface_json);
    if (!interface) return fail(std::move(interface.error()));
    registration.interface = std::move(*interface);
    return add(std::move(registration));
}

Result<VersionPtr> Catalog::add(Registration registration) {
    const auto semver = SemVer::parse(registration.version);
    if (!semver) return fail(ErrorCode::invalid_argument, "the version is not a SemVer 2 version");
    if (!is_capability_name(registration.name)) {
        return fail(ErrorCode::invalid_argument, "the capability's name is not [a-z][a-z0-9_.-]*");
    }
    if (registration.model.empty()) registration.model = registration.name;
    if (!is_model_id(registration.model)) {
        return fail(ErrorCode::invalid_argument,
                    "the model's id is not 1 to 256 bytes of UTF-8 without control characters");
    }
    const auto digest = digest_of(registration.interface);
    const auto twin = latest().twin(registration.tenant, registration.name, *semver);
    auto version = std::make_shared<Version>();
    if (twin) {
        const bool same = twin->digest == digest && twin->semver.text() == semver->text();
        if (!same) {
            return fail(ErrorCode::conflict,
                        registration.name + '@' + registration.version +
                            " is registered with another interface; give this one a new version");
        }
        *version = *twin;
        if (!version->hidden && version->title == registration.title &&
            version->description == registration.description &&
            version->limits == registration.limits && version->model == registration.model) {
            return twin;  // an agent that is back: nothing to publish, nothing to write
        }
    } else {
        auto validator = compiled(std::move(registration.interface), digest, latest());
        if (!validator) return fail(std::move(validator.error()));
        version->id = latest().next_id();
        version->tenant = registration.tenant;
        version->name = std::move(registration.name);
        version->semver = *semver;
        version->validator = std::move(*validator);
        version->digest = digest;
        version->created_at = clock_.wall();
    }
    version->model = std::move(registration.model);
    version->title = std::move(registration.title);
    version->description = std::move(registration.description);
    version->limits = registration.limits;
    version->hidden = false;
    put(version);
    return VersionPtr(std::move(version));
}

Result<void> Catalog::hide(VersionId id) {
    const auto present = latest().find(id);
    if (!present) return no_such();
    auto version = std::make_shared<Version>(*present);
    version->hidden = true;
    put(version);
    return {};
}

Result<void> Catalog::remove(VersionId id) {
    const auto present = latest().find(id);
    if (!present) return no_such();
    change().erase(id);
    std::erase_if(unsaved_, [id](const auto& version) { return version->id == id; });
    publish();
    if (!store_) return {};
    store_->remove(present->tenant, present->name, present->semver.text(),
                   [text = present->text()](Result<void> done) {
                       if (!done) log::error("catalog store cannot remove capability={}", text);
                   });
    return {};
}

Snapshot& Catalog::change() {
    if (!draft_) draft_ = std::make_shared<Snapshot>(*current_);
    return *draft_;
}

void Catalog::publish() {
    if (batches_ > 0 || !draft_) return;
    ++draft_->generation_;
    SnapshotPtr next = std::exchange(draft_, nullptr);
    {
        const std::lock_guard lock(mutex_);
        current_.swap(next);  // what was is let go of after the lock
    }
    save(std::exchange(unsaved_, {}));
}

Catalog::Batch::Batch(Catalog& catalog) : catalog_(catalog) { ++catalog_.batches_; }

Catalog::Batch::~Batch() {
    --catalog_.batches_;
    catalog_.publish();
}

void Catalog::put(const std::shared_ptr<Version>& version) {
    change().put(version);
    if (store_) unsaved_.push_back(version);
    publish();
}

void Catalog::save(const std::vector<VersionPtr>& versions) {
    if (versions.empty()) return;
    std::vector<VersionRecord> records;
    records.reserve(versions.size());
    const Validator* validator = nullptr;
    std::string interface;  // of the validator: most often all have the same
    for (const auto& version : versions) {
        if (validator != version->validator.get()) {
            validator = version->validator.get();
            interface = interface_to_json(version->interface());
        }
        records.push_back({version->tenant, version->name, version->semver.text(), version->title,
                           version->description, interface, version->limits, version->created_at,
                           version->hidden});
    }
    const auto more = versions.size() - 1;
    store_->save(std::move(records), [text = versions.front()->text(), more](Result<void> done) {
        if (!done) log::error("catalog store cannot save capability={} more={}", text, more);
    });
}

}  // namespace headrace::catalog

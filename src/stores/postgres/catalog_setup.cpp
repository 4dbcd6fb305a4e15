#include "stores/postgres/catalog_setup.hpp"

#include <algorithm>
#include <optional>

#include "base/digest.hpp"
#include "stores/postgres/catalog_rows.hpp"
#include "stores/postgres/catalog_writes.hpp"

namespace headrace::stores {
namespace {

constexpr const char* kMasterKey = "master key";
constexpr const char* kFirstAdmin = "first admin";
constexpr const char* kWord = "the servers on this database";

const PgStatement kFact{"catalog_fact", "SELECT value FROM catalog_facts WHERE name = $1::text"};
const PgStatement kAddFact{"catalog_add_fact",
                           "INSERT INTO catalog_facts(name, value) VALUES($1::text, $2::bytea) "
                           "ON CONFLICT (name) DO NOTHING"};
const PgStatement kSetFact{"catalog_set_fact",
                           "INSERT INTO catalog_facts(name, value) VALUES($1::text, $2::bytea) "
                           "ON CONFLICT (name) DO UPDATE SET value = excluded.value"};
// Whoever changes keys, accounts, upstreams or the audit waits for it.
const PgStatement kLock{"catalog_lock",
                        "SELECT number FROM catalog_changes ORDER BY part FOR UPDATE"};

template <class T>
Result<void> only_error(const Result<T>& result) {
    return result ? Result<void>() : fail(result.error());
}

Result<std::optional<std::string>> fact(PgConnection& connection, const std::string& name) {
    const auto rows = connection.call(kFact, PgParameters().text(name));
    if (!rows) return fail(rows.error());
    if (rows->size() == 0) return std::optional<std::string>();
    return std::optional(std::string(rows->bytes(0, 0)));
}

Result<void> put_fact(PgConnection& connection, const PgStatement& how, const std::string& name,
                      std::string value) {
    return only_error(connection.call(how, PgParameters().text(name).bytes(std::move(value))));
}

/// All that `work` does, with nobody else changing the catalog meanwhile, or nothing.
template <class T, class Work>
Result<T> alone(PgConnection& connection, Work work) {
    if (auto begun = connection.execute("BEGIN"); !begun) return fail(std::move(begun).error());
    Result<T> out = [&]() -> Result<T> {
        if (auto locked = connection.call(kLock); !locked) return fail(std::move(locked).error());
        return work();
    }();
    if (out) {
        if (auto done = connection.execute("COMMIT"); !done) return fail(std::move(done).error());
    } else if (!connection.lost()) {
        (void)connection.execute("ROLLBACK");
    }
    return out;
}

/// The key that a sealed fact holds, when it opens and the key still works.
Result<std::optional<access::NewKey>> working(PgConnection& connection,
                                              const access::Sealer& sealer,
                                              const std::string& sealed, const TenantId& tenant,
                                              WallMs now) {
    auto text = sealer.open(sealed, kFirstAdmin);
    if (!text) return std::optional<access::NewKey>();
    const auto parts = access::parse_key(text->reveal());
    if (!parts) return std::optional<access::NewKey>();
    auto record = read_key(connection, tenant, std::string(parts->id));
    if (!record) return fail(std::move(record).error());
    const bool good = *record && (*record)->revoked_at == 0 &&
                      ((*record)->expires_at == 0 || (*record)->expires_at > now) &&
                      (*record)->digest == sha256(parts->secret);
    if (!good) return std::optional<access::NewKey>();
    return std::optional(access::NewKey{std::move(**record), std::move(*text)});
}

std::string import_of(const std::string& node) {
    return "import of " + node;
}

/// Runs the calls in pieces; how many rows each has changed.
Result<std::vector<bool>> run(PgConnection& connection, std::vector<PgCall> calls) {
    constexpr std::size_t kPiece = 500;
    std::vector<bool> out;
    const std::span<const PgCall> all(calls);
    for (std::size_t at = 0; at < all.size(); at += kPiece) {
        const auto done = connection.transact(all.subspan(at, std::min(kPiece, all.size() - at)));
        if (!done) return fail(done.error());
        for (const auto& rows : *done) out.push_back(rows.changed() > 0);
    }
    return out;
}

}  // namespace

Result<void> check_master_key(PgConnection& connection, const access::Sealer& sealer) {
    auto sealed = fact(connection, kMasterKey);
    if (!sealed) return fail(std::move(sealed).error());
    if (!*sealed) {
        const Secret word{std::string(kWord)};
        auto put = put_fact(connection, kAddFact, kMasterKey, sealer.seal(word, kMasterKey));
        if (!put) return put;
        sealed = fact(connection, kMasterKey);  // another server's, if it was first
        if (!sealed) return fail(std::move(sealed).error());
    }
    const auto word = sealer.open(sealed->value_or(""), kMasterKey);
    if (!word || word->reveal() != kWord) {
        return fail(ErrorCode::permission_denied,
                    "does not open what the other servers on this database have sealed");
    }
    if (!sealer.is_stale(**sealed)) return {};
    return put_fact(connection, kSetFact, kMasterKey, sealer.seal(*word, kMasterKey));
}

Result<access::NewKey> keep_first_admin(PgConnection& connection, const access::Sealer& sealer,
                                        access::NewKey made, WallMs now) {
    return alone<access::NewKey>(connection, [&]() -> Result<access::NewKey> {
        const auto sealed = fact(connection, kFirstAdmin);
        if (!sealed) return fail(sealed.error());
        if (*sealed) {
            auto known = working(connection, sealer, **sealed, made.record.tenant, now);
            if (!known) return fail(std::move(known).error());
            if (*known) return std::move(**known);
        }
        auto saved = commit_change(connection, save_key(made.record));
        if (!saved) return fail(std::move(saved).error());
        auto put =
            put_fact(connection, kSetFact, kFirstAdmin, sealer.seal(made.key, kFirstAdmin));
        if (!put) return fail(std::move(put).error());
        return std::move(made);
    });
}

Result<bool> was_imported(PgConnection& connection, const std::string& node) {
    const auto done = fact(connection, import_of(node));
    if (!done) return fail(done.error());
    return done->has_value();
}

namespace {

/// Adds what is new, counts it, and names the rest.
Result<std::size_t> add(PgConnection& connection, std::vector<PgCall> calls,
                        const std::vector<std::string>& names, std::vector<std::string>& kept) {
    const auto added = run(connection, std::move(calls));
    if (!added) return fail(added.error());
    std::size_t count = 0;
    for (std::size_t i = 0; i < added->size(); ++i) {
        if ((*added)[i])
            ++count;
        else
            kept.push_back(names.at(i));
    }
    return count;
}

Result<std::size_t> import_audit(PgConnection& connection, std::vector<access::AuditEntry> all) {
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    const auto last = connection.transact(std::vector{take_audit_numbers(all.size())});
    if (!last) return fail(last.error());
    auto number = static_cast<std::uint64_t>(last->front().big(0, 0)) - all.size();
    std::vector<PgCall> calls;
    for (auto& entry : all) {
        entry.number = ++number;
        calls.push_back(add_audit(entry));
    }
    if (auto added = run(connection, std::move(calls)); !added) {
        return fail(std::move(added).error());
    }
    return all.size();
}

}  // namespace

Result<Imported> import_catalog(PgConnection& connection, const access::Sealer& upstream_sealer,
                                const std::string& node, const OwnCatalog& own) {
    return alone<Imported>(connection, [&]() -> Result<Imported> {
        Imported out;
        const auto before = was_imported(connection, node);
        if (!before) return fail(before.error());
        if (*before) return out;
        std::vector<PgCall> calls;
        std::vector<std::string> names;
        std::vector<access::KeyUse> uses;
        for (auto account : own.accounts) {
            account.version = 0;
            calls.push_back(save_account(account));
            names.push_back(std::string(access::to_string(account.kind)) + " " + account.name);
        }
        auto added = add(connection, std::exchange(calls, {}), names, out.kept);
        if (!added) return fail(std::move(added).error());
        out.accounts = *added;
        names.clear();
        for (auto key : own.keys) {
            key.version = 0;
            if (key.last_used > 0) uses.push_back({key.tenant, key.id, key.last_used});
            calls.push_back(save_key(key));
            names.push_back("key " + key.id);
        }
        added = add(connection, std::exchange(calls, {}), names, out.kept);
        if (!added) return fail(std::move(added).error());
        out.keys = *added;
        names.clear();
        for (const auto& spec : own.upstreams) {
            calls.push_back(add_upstream(spec, upstream_sealer));
            names.push_back("upstream " + spec.name);
        }
        added = add(connection, std::exchange(calls, {}), names, out.kept);
        if (!added) return fail(std::move(added).error());
        out.upstreams = *added;
        added = import_audit(connection, own.audit);
        if (!added) return fail(std::move(added).error());
        out.audit = *added;
        calls.push_back(note_key_uses(uses));
        calls.push_back(tell_others());
        if (auto told = run(connection, std::move(calls)); !told)
            return fail(std::move(told).error());
        auto noted = put_fact(connection, kSetFact, import_of(node), "done");
        if (!noted) return fail(std::move(noted).error());
        return out;
    });
}

}  // namespace headrace::stores

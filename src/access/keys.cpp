#include "access/keys.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>
#include <future>
#include <unordered_map>

#include <openssl/crypto.h>

#include "base/log.hpp"
#include "base/loop.hpp"
#include "base/unique_fd.hpp"

namespace headrace::access {
namespace {

constexpr std::size_t kIdLength = 12;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretLength = 43;  // base64url of 32 bytes
constexpr std::size_t kMaxNameLength = 200;
constexpr std::size_t kMaxCapabilities = 100;
// No 0, 1, l, o: an id is read aloud and typed.
constexpr std::string_view kIdAlphabet = "abcdefghijkmnpqrstuvwxyz23456789";
static_assert(kIdAlphabet.size() == 32);

std::string new_id() {
    std::string id;
    for (const char byte : random_bytes(kIdLength)) {
        id += kIdAlphabet[static_cast<unsigned char>(byte) % kIdAlphabet.size()];
    }
    return id;
}

struct KeyText {
    std::string_view id;
    std::string_view secret;
};

// The secret may hold '_' itself: only the first two separate.
std::optional<KeyText> parse_key(std::string_view key) {
    if (key.size() != 3 + kIdLength + 1 + kSecretLength) return std::nullopt;
    if (!key.starts_with("hr_") || key[3 + kIdLength] != '_') return std::nullopt;
    return KeyText{key.substr(3, kIdLength), key.substr(3 + kIdLength + 1)};
}

std::string_view view(const Sha256& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Numbers of snapshots are unique in the process, so that a thread's cache of one ring's snapshot
// is never taken for another's.
std::uint64_t next_version() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

Error field_error(std::string path, std::string rule, std::string limit) {
    return Error{ErrorCode::invalid_argument,
                 "the key's " + path + " is not valid",
                 {{std::move(path), std::move(rule), std::move(limit)}}};
}

/// An answer that is known at once still arrives after the call, as every other does.
template <class T>
void answer(Done<T> done, Result<T> result) {
    Loop* const loop = Loop::current();
    if (loop == nullptr) {
        done(std::move(result));
        return;
    }
    loop->post([done = std::move(done), result = std::move(result)]() mutable {
        done(std::move(result));
    });
}

Result<void> check(const KeySpec& spec, WallMs now) {
    if (spec.name.size() > kMaxNameLength) {
        return fail(field_error("name", "max_length", std::to_string(kMaxNameLength)));
    }
    if (!is_tenant_name(spec.tenant.name) || spec.tenant.name == kSystemTenant) {
        return fail(field_error("tenant", "format:tenant", "1 to 63 of a-z, 0-9, '-', '_'"));
    }
    if (spec.capabilities.size() > kMaxCapabilities) {
        return fail(field_error("capabilities", "max_items", std::to_string(kMaxCapabilities)));
    }
    for (const auto& capability : spec.capabilities) {
        if (capability.empty() || capability.size() > kMaxNameLength) {
            return fail(field_error("capabilities", "max_length", std::to_string(kMaxNameLength)));
        }
    }
    if (spec.expires_at != 0 && spec.expires_at <= now) {
        return fail(field_error("expires_at", "future", ""));
    }
    return {};
}

}  // namespace

struct KeyRing::Snapshot {
    struct Entry {
        KeyRecord record;
        std::shared_ptr<const Principal> principal;
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    std::uint64_t version = 0;
    std::unordered_map<std::string, Entry, Hash, std::equal_to<>> keys;

    void put(KeyRecord record) {
        auto principal = std::make_shared<const Principal>(
            Principal{record.tenant, record.id, record.name, record.role, record.system,
                      record.capabilities, record.expires_at});
        const std::string id = record.id;
        keys.insert_or_assign(id, Entry{std::move(record), std::move(principal)});
    }
};

KeyRing::KeyRing(KeyStore& store, const Clock& clock) : store_(store), clock_(clock) {
    auto empty = std::make_shared<Snapshot>();
    empty->version = next_version();
    version_.store(empty->version, std::memory_order_release);
    current_ = std::move(empty);
}

KeyRing::~KeyRing() = default;

Result<void> KeyRing::load() {
    auto records = store_.load_all();
    if (!records) return fail(std::move(records).error());
    auto loaded = std::make_shared<Snapshot>();
    for (auto& record : *records) loaded->put(std::move(record));
    const std::lock_guard lock(mutex_);
    loaded->version = next_version();
    version_.store(loaded->version, std::memory_order_release);
    current_ = std::move(loaded);
    return {};
}

std::shared_ptr<const KeyRing::Snapshot> KeyRing::snapshot() const {
    thread_local std::shared_ptr<const Snapshot> seen;
    if (!seen || seen->version != version_.load(std::memory_order_acquire)) {
        const std::lock_guard lock(mutex_);
        seen = current_;
    }
    return seen;
}

void KeyRing::put(KeyRecord record) {
    const std::lock_guard lock(mutex_);
    auto changed = std::make_shared<Snapshot>(*current_);
    changed->put(std::move(record));
    changed->version = next_version();
    version_.store(changed->version, std::memory_order_release);
    current_ = std::move(changed);
}

Result<std::shared_ptr<const Principal>> KeyRing::authenticate(std::string_view key) const {
    const auto text = parse_key(key);
    if (!text) return fail(ErrorCode::unauthenticated, "the key is not valid");
    const auto keys = snapshot();
    const auto found = keys->keys.find(text->id);
    static constexpr Sha256 kNobody{};
    const Sha256& expected = found == keys->keys.end() ? kNobody : found->second.record.digest;
    const bool same = equal_in_constant_time(view(sha256(text->secret)), view(expected));
    if (!same || found == keys->keys.end()) {
        return fail(ErrorCode::unauthenticated, "the key is not valid");
    }
    const KeyRecord& record = found->second.record;
    // Only who proved the secret learns more.
    if (record.revoked_at != 0) return fail(ErrorCode::unauthenticated, "the key is revoked");
    if (record.expires_at != 0 && record.expires_at <= clock_.wall()) {
        return fail(ErrorCode::unauthenticated, "the key has expired");
    }
    return found->second.principal;
}

bool KeyRing::still_valid(const Principal& principal) const {
    const auto keys = snapshot();
    const auto found = keys->keys.find(principal.key_id);
    if (found == keys->keys.end() || found->second.record.revoked_at != 0) return false;
    const WallMs expires = found->second.record.expires_at;
    return expires == 0 || expires > clock_.wall();
}

NewKey KeyRing::make(KeySpec spec, std::string by) {
    NewKey made;
    std::string id = new_id();
    while (snapshot()->keys.contains(id)) id = new_id();
    const std::string secret = to_base64url(random_bytes(kSecretBytes));
    KeyRecord& record = made.record;
    record.id = id;
    record.tenant = std::move(spec.tenant);
    record.name = std::move(spec.name);
    record.role = spec.role;
    record.system = spec.role == Role::admin && record.tenant.name == kHouseTenant;
    record.capabilities = std::move(spec.capabilities);
    record.digest = sha256(secret);
    record.created_at = clock_.wall();
    record.expires_at = spec.expires_at;
    record.created_by = std::move(by);
    made.key = Secret("hr_" + id + "_" + secret);
    return made;
}

void KeyRing::create(KeySpec spec, const Principal& by, Done<NewKey> done) {
    if (spec.tenant != by.tenant && !by.system) {
        answer<NewKey>(std::move(done), fail(ErrorCode::permission_denied,
                                             "only a system admin may make another tenant's keys"));
        return;
    }
    if (auto checked = check(spec, clock_.wall()); !checked) {
        answer<NewKey>(std::move(done), fail(std::move(checked).error()));
        return;
    }
    NewKey made = make(std::move(spec), by.key_id);
    KeyRecord record = made.record;
    store_.save(std::move(record),
                [this, made = std::move(made), done = std::move(done)](Result<void> saved) mutable {
                    if (!saved) {
                        done(fail(std::move(saved).error()));
                        return;
                    }
                    put(made.record);
                    done(std::move(made));
                });
}

void KeyRing::revoke(TenantId tenant, std::string id, Done<void> done) {
    auto record = get(tenant, id);
    if (!record) {
        answer<void>(std::move(done), fail(ErrorCode::not_found, "no such key"));
        return;
    }
    if (record->revoked_at != 0) {
        answer<void>(std::move(done), {});
        return;
    }
    record->revoked_at = clock_.wall();
    const WallMs at = record->revoked_at;
    store_.revoke(
        std::move(tenant), std::move(id), at,
        [this, record = std::move(*record), done = std::move(done)](Result<void> stored) mutable {
            if (stored) put(std::move(record));
            done(std::move(stored));
        });
}

std::vector<KeyRecord> KeyRing::list_all() const {
    std::vector<KeyRecord> out;
    for (const auto& [id, entry] : snapshot()->keys) out.push_back(entry.record);
    std::sort(out.begin(), out.end(), [](const KeyRecord& a, const KeyRecord& b) {
        return a.created_at != b.created_at ? a.created_at > b.created_at : a.id < b.id;
    });
    return out;
}

std::vector<KeyRecord> KeyRing::list(const TenantId& tenant) const {
    auto out = list_all();
    std::erase_if(out, [&](const KeyRecord& record) { return record.tenant != tenant; });
    return out;
}

std::optional<KeyRecord> KeyRing::find(std::string_view id) const {
    const auto keys = snapshot();
    const auto found = keys->keys.find(id);
    if (found == keys->keys.end()) return std::nullopt;
    return found->second.record;
}

std::optional<KeyRecord> KeyRing::get(const TenantId& tenant, std::string_view id) const {
    auto record = find(id);
    if (record && record->tenant != tenant) return std::nullopt;
    return record;
}

Result<NewKey> KeyRing::create_first_admin() {
    KeySpec spec{"admin", Role::admin, TenantId(std::string(kHouseTenant)), {}, 0};
    NewKey made = make(std::move(spec), "start");
    std::promise<Result<void>> saved;
    store_.save(made.record, [&saved](Result<void> result) { saved.set_value(std::move(result)); });
    auto result = saved.get_future().get();
    if (!result) return fail(std::move(result).error());
    put(made.record);
    return made;
}

std::optional<std::string_view> bearer_of(std::string_view authorization) {
    constexpr std::string_view kScheme = "bearer ";
    if (authorization.size() < kScheme.size()) return std::nullopt;
    for (std::size_t i = 0; i < kScheme.size(); ++i) {
        const char c = authorization[i];
        const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
        if (lower != kScheme[i]) return std::nullopt;
    }
    authorization.remove_prefix(kScheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    while (authorization.ends_with(' ')) authorization.remove_suffix(1);
    return authorization;
}

namespace {

bool file_holds_working_key(const KeyRing& keys, const std::string& path) {
    std::ifstream file(path);
    std::string line;
    if (!file || !std::getline(file, line)) return false;
    const Secret key(std::move(line));
    const auto principal = keys.authenticate(key.reveal());
    return principal && (*principal)->system;
}

}  // namespace

Result<void> ensure_admin_key(KeyRing& keys, const std::string& path) {
    const auto broken = [&path](std::string_view what) {
        return fail(ErrorCode::internal, "admin key file " + path + ": " + std::string(what) +
                                             ": " + std::strerror(errno));
    };
    if (file_holds_working_key(keys, path)) {
        if (::chmod(path.c_str(), 0600) != 0) return broken("cannot restrict its mode");
        return {};
    }
    // A file of its own that replaces the old one: never half a key, never another's permissions.
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    UniqueFd file(
        ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return broken("cannot create");
    auto made = keys.create_first_admin();
    if (!made) return fail(std::move(made).error());
    std::string line(made->key.reveal());
    line += '\n';
    const auto written = ::write(file.get(), line.data(), line.size());
    const bool whole = written == static_cast<ssize_t>(line.size());
    OPENSSL_cleanse(line.data(), line.size());
    if (!whole || ::fsync(file.get()) != 0) return broken("cannot write");
    if (::rename(fresh.c_str(), path.c_str()) != 0) return broken("cannot put in place");
    log::info("admin key made file={} key={}", path, made->record.id);
    return {};
}

}  // namespace headrace::access

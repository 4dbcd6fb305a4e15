#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "access/failure_limit.hpp"
#include "access/principal.hpp"
#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace headrace::access {

class KeyRing;

struct SessionSettings {
    std::chrono::seconds idle{12 * 3600};      // without a request
    std::chrono::seconds life{7 * 24 * 3600};  // whatever happens
    std::chrono::seconds link_life{15 * 60};   // of a sign-in link
    std::size_t sessions = 1000;               // more: the one unused longest ends
    std::size_t links = 100;                   // more: the oldest stops working
};

/// Who is signed in in a browser. In memory: a restart signs everybody out.
///
/// A session and a link are both `<id><secret>` as base64url: 8 and 32 random bytes. Only the
/// SHA-256 of the secret is kept, and compared in constant time. Both stand for the key of the
/// principal they were made for: they end when that key is revoked or expires. Thread-safe.
class Sessions {
  public:
    Sessions(const KeyRing& keys, const Clock& clock, SessionSettings settings = {});
    Sessions(const Sessions&) = delete;
    Sessions& operator=(const Sessions&) = delete;

    struct Signed {
        std::shared_ptr<const Principal> who;
        std::string csrf;  // what a changing request shows beside the cookie
        WallMs expires_at = 0;
    };
    struct Opened {
        Signed signed_in;
        Secret cookie;
    };
    struct Link {
        Secret token;
        WallMs expires_at = 0;
    };

    /// A link that signs in as this principal, once.
    Link make_link(std::shared_ptr<const Principal> who);
    /// unauthenticated when the token or key is wrong, used or too old; permission_denied when the
    /// role has no use of the console; quota_exceeded (with retry_after_s) after too many failures
    /// from one address.
    Result<Opened> open_with_link(std::string_view token, std::string_view address);
    Result<Opened> open_with_key(std::string_view key, std::string_view address);
    /// Also notes that the session is in use. unauthenticated when it is not, or no more.
    Result<Signed> find(std::string_view cookie);
    /// True when there was one.
    bool close(std::string_view cookie);

  private:
    struct Entry {
        Sha256 secret{};
        std::shared_ptr<const Principal> who;
        SteadyTime used{};
        SteadyTime ends{};
        WallMs expires_at = 0;
    };
    using Table = std::unordered_map<std::string, Entry>;  // by id

    Result<void> may_try(std::string_view address);
    std::shared_ptr<const Principal> take_link(std::string_view token);
    Result<Opened> open(Result<std::shared_ptr<const Principal>> who, std::string_view address);
    Secret put(Table& table, Entry entry, std::size_t most);
    static Table::iterator find_in(Table& table, std::string_view token);
    [[nodiscard]] bool is_over(const Entry& entry, SteadyTime now) const;
    [[nodiscard]] std::string csrf_of(std::string_view id) const;

    const KeyRing& keys_;
    const Clock& clock_;
    const SessionSettings settings_;
    const Secret csrf_key_;
    std::mutex mutex_;  // guards what follows; never held with another
    Table sessions_;
    Table links_;
    FailureLimit failures_;
};

}  // namespace headrace::access

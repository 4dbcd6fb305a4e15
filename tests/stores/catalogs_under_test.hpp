#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "access/audit.hpp"
#include "access/directory.hpp"
#include "access/keys.hpp"
#include "access/secrets.hpp"
#include "base/result.hpp"
#include "postgres_server.hpp"
#include "stores/postgres/shared_catalog.hpp"
#include "upstreams/store.hpp"

namespace headrace::stores {

/// Calls a port from a thread without a loop and waits for its answer.
template <class T, class Start>
Result<T> wait(Start start) {
    std::promise<Result<T>> answer;
    start(UniqueFunction<void(Result<T>)>(
        [&](Result<T> result) { answer.set_value(std::move(result)); }));
    return answer.get_future().get();
}

/// One catalog that the contract is held against.
class CatalogUnderTest {
  public:
    virtual ~CatalogUnderTest() = default;
    virtual access::KeyStore& keys() = 0;
    virtual access::AccountStore& accounts() = 0;
    virtual access::AuditLog& audit() = 0;
    virtual upstreams::UpstreamStore& upstreams() = 0;
    /// Closes and opens again what lies on disk.
    virtual void reopen() = 0;
    /// Changes the rows of all keys behind their checksums.
    virtual void damage_keys() = 0;
    /// Everything that is kept, as bytes.
    virtual std::string content() = 0;
};

struct CatalogCandidate {
    std::string name;
    std::function<std::unique_ptr<CatalogUnderTest>()> make;
};
std::vector<CatalogCandidate> catalog_candidates();

/// A schema of its own with the tables, and what servers on it share.
class SharedDatabase {
  public:
    SharedDatabase();
    ~SharedDatabase();
    /// Another server on it.
    std::unique_ptr<SharedCatalog> server();
    Result<std::unique_ptr<SharedCatalog>> server_with(const access::MasterKeys& keys);
    access::MasterKeys master_keys(const char* name = "master.key") const;
    access::MasterKeys rotated_keys() const;
    /// Runs SQL in the schema.
    void run(const std::string& sql);

    PostgresSettings settings;

  private:
    std::string folder_;
    std::unique_ptr<access::MasterKeys> keys_;
};

}  // namespace headrace::stores

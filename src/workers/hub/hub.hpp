#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/unique_function.hpp"
#include "catalog/version.hpp"
#include "workers/hub/context.hpp"
#include "workers/hub/settings.hpp"

namespace headrace::link {
class Channel;
}
namespace headrace::http {
class WebSocket;
}
namespace headrace::wire {
class Frame;
class Hello;
}  // namespace headrace::wire

namespace headrace::workers::hub {

class Greeting;
class WorkerLink;
struct Origin;

/// A host process on this machine that whoever supervises it has just started.
struct LocalHost {
    std::uint64_t id = 0;                           // not 0; the supervisor's
    std::unique_ptr<link::Channel> link;            // not reading yet
    std::vector<catalog::VersionPtr> versions;      // in the order of its offers
    UniqueFunction<void(std::string reason)> kill;  // ends the process; called inside the core
    UniqueFunction<void()> ready;                   // it has offered its slots
    std::vector<std::string> gpus;                  // that it was given, in words
};

/// The server's end of all worker links: turns hellos into workers of the core, leases into frames
/// and frames into what the core is told. Belongs to the core's loop; all calls on its thread.
class Hub {
  public:
    Hub(Settings settings, Loop& core_loop, jobs::Core& core, jobs::BlobStore& blobs,
        catalog::Catalog& catalog, const Clock& clock, IdSource& ids);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    void add_local(LocalHost host);
    /// The process is gone; `reason` in words. Its worker is detached at once, however its link
    /// ends.
    void local_ended(std::uint64_t id, const std::string& reason);

    /// A worker that has dialled in with a key. The socket may live on another loop.
    void accept_websocket(std::unique_ptr<http::WebSocket> socket, TenantId tenant,
                          std::string key);
    /// The same over any transport.
    void accept(std::unique_ptr<link::Channel> channel, TenantId tenant, std::string key);
    /// Ends the links that came with a key which is no longer good.
    void key_revoked(const std::string& key);

    /// Closes every link and takes no more; ends when nothing of the hub is under way.
    asio::awaitable<void> stop();
    [[nodiscard]] std::size_t links() const { return links_.size(); }

  private:
    friend class Greeting;
    /// Said hello: becomes a worker, or is refused.
    void greeted(Greeting& greeting, const wire::Frame& hello);
    void greeting_ended(Greeting& greeting, const std::string& reason);
    void remove(Greeting& greeting);
    std::shared_ptr<WorkerLink> resumed(const wire::Hello& hello, const Origin& origin,
                                        const std::vector<catalog::VersionPtr>& versions) const;

    Context context_;
    std::list<std::unique_ptr<Greeting>> greetings_;
    std::list<std::shared_ptr<WorkerLink>> links_;
    bool stopped_ = false;
};

}  // namespace headrace::workers::hub

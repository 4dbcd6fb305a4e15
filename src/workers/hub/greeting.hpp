#pragma once

#include <memory>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "link/channel.hpp"
#include "link/protocol.hpp"
#include "workers/hub/hub.hpp"
#include "workers/hub/worker_link.hpp"

namespace headrace::workers::hub {

/// A link on which no hello has come yet. Tells the hub once: hello, or that there will be none.
class Greeting final : public link::ChannelReceiver {
  public:
    Greeting(Hub& hub, Context& context, std::unique_ptr<link::Channel> link, Origin from,
             std::vector<catalog::VersionPtr> versions);
    void start();

    void on_frame(wire::Frame& frame, std::string_view bytes) override;
    void on_closed(const link::CloseReason& reason) override;
    /// Answers with a welcome that says no, and closes.
    void refuse(const Error& error);

    std::unique_ptr<link::Channel> channel;
    Origin origin;
    std::vector<catalog::VersionPtr> expected;  // of a local host

  private:
    Hub& hub_;
    Context& context_;
    link::ProtocolCheck check_{link::Speaker::worker};
    asio::steady_timer patience_;
    bool over_ = false;
};

}  // namespace headrace::workers::hub

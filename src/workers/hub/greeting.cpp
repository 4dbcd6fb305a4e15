#include "workers/hub/greeting.hpp"

namespace headrace::workers::hub {

Greeting::Greeting(Hub& hub, Context& context, std::unique_ptr<link::Channel> link, Origin from,
                   std::vector<catalog::VersionPtr> versions)
    : channel(std::move(link)),
      origin(std::move(from)),
      expected(std::move(versions)),
      hub_(hub),
      context_(context),
      patience_(context.loop.io()) {}

void Greeting::start() {
    channel->start(*this);
    if (origin.is_local()) return;  // its supervisor has a time limit of its own
    patience_.expires_after(context_.settings.hello_time);
    patience_.async_wait([this](const auto& error) {
        if (error || over_) return;
        over_ = true;
        channel->refuse("no hello came in time");
        hub_.greeting_ended(*this, "no hello came in time");
    });
}

void Greeting::on_frame(wire::Frame& frame, std::string_view) {
    if (over_ || frame.body_case() == wire::Frame::BODY_NOT_SET) return;
    over_ = true;
    patience_.cancel();
    if (auto sound = check_.accept(frame); !sound) {
        refuse(sound.error());
        return hub_.greeting_ended(*this, sound.error().message);
    }
    hub_.greeted(*this, frame);
}

void Greeting::on_closed(const link::CloseReason& reason) {
    if (std::exchange(over_, true)) return;
    patience_.cancel();
    hub_.greeting_ended(*this, reason.text);
}

void Greeting::refuse(const Error& error) {
    wire::Frame frame;
    frame.mutable_welcome()->set_protocol(link::kProtocol);
    frame.mutable_welcome()->set_error(error.message);
    channel->send(frame);
    channel->refuse(error.message);
}

}  // namespace headrace::workers::hub

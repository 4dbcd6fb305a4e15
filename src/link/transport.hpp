#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace headrace {
class Loop;
}
namespace headrace::http {
class WebSocket;
}

namespace headrace::link {

/// Why a link ended.
struct CloseReason {
    enum class Kind {
        ended,   // the other side closed it, in order
        broken,  // an I/O error, or silence
        refused  // we closed it, for what the other side sent
    };
    Kind kind = Kind::ended;
    std::string text;
};

/// What a transport tells its channel. Called on the channel's loop.
class TransportSink {
  public:
    virtual ~TransportSink() = default;
    /// One whole frame; `bytes` lives until the call returns.
    virtual void on_frame(std::string_view bytes) = 0;
    /// After the frames of one read: the moment to write what they caused.
    virtual void on_read_end() = 0;
    /// The write is done: the next may start.
    virtual void on_written() = 0;
    /// Once, and nothing after it.
    virtual void on_closed(CloseReason reason) = 0;
};

/// Carries whole frames. Belongs to one loop. A batch is frames one after the other, each behind
/// its length in four bytes, little-endian; how they travel is the transport's business.
class Transport {
  public:
    virtual ~Transport() = default;
    /// Starts reading. The sink must outlive the transport.
    virtual void start(TransportSink& sink) = 0;
    /// One at a time; on_written() follows, or on_closed(). Returns true when the batch is written
    /// already, then no on_written() follows.
    virtual bool write(std::string batch) = 0;
    /// Ends the link; the sink hears nothing more. `fault`: for what the other side sent.
    virtual void close(std::string_view reason, bool fault) = 0;
};

/// A connected Unix stream socket.
std::unique_ptr<Transport> make_unix_transport(Loop& loop, UniqueFd socket);

/// A WebSocket; it may live on another loop than the channel's `loop`, which then costs a hop per
/// batch.
std::unique_ptr<Transport> make_websocket_transport(Loop& loop,
                                                    std::unique_ptr<http::WebSocket> socket);

}  // namespace headrace::link

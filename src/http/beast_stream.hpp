#pragma once
// Internal, for websocket.cpp: a Transport in the form Beast wants. Handlers are type-erased here,
// so that Beast's stream is compiled for one type and Asio's sockets and TLS know nothing of it.

#include <array>
#include <memory>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>

#include "http/deadline.hpp"
#include "http/transport.hpp"

namespace headrace::http {

class BeastStream {
  public:
    using executor_type = Transport::Socket::executor_type;

    explicit BeastStream(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

    executor_type get_executor() { return transport_->executor(); }
    Transport& transport() { return *transport_; }

    template <class Buffers, class Handler>
    auto async_read_some(const Buffers& buffers, Handler&& handler) {
        asio::mutable_buffer first;
        for (auto at = asio::buffer_sequence_begin(buffers);
             at != asio::buffer_sequence_end(buffers) && first.size() == 0; ++at) {
            first = *at;
        }
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(
            StartRead{transport_.get()}, handler, first);
    }

    template <class Buffers, class Handler>
    auto async_write_some(const Buffers& buffers, Handler&& handler) {
        List list;
        for (auto at = asio::buffer_sequence_begin(buffers);
             at != asio::buffer_sequence_end(buffers) && list.count < list.items.size(); ++at) {
            const asio::const_buffer buffer = *at;
            if (buffer.size() > 0) list.items[list.count++] = buffer;
        }
        return asio::async_initiate<Handler, void(error_code, std::size_t)>(
            StartWrite{transport_.get()}, handler, list);
    }

    /// Beast's name for the end of a connection behind its close frames: says that we are done and
    /// reads on for a moment, or a reset could overtake our close frame.
    template <class Handler>
    friend void async_teardown(boost::beast::role_type, BeastStream& stream, Handler&& handler) {
        stream.transport_->shutdown_send();
        const auto slot = asio::get_associated_cancellation_slot(handler);
        auto teardown =
            std::make_shared<Teardown>(*stream.transport_, slot, std::forward<Handler>(handler));
        Teardown::begin(std::move(teardown));
    }
    friend void beast_close_socket(BeastStream& stream) { stream.transport_->close(); }

  private:
    struct List {
        std::array<asio::const_buffer, 4> items;
        std::size_t count = 0;
    };
    struct StartRead {
        Transport* transport;
        template <class Handler>
        void operator()(Handler&& handler, asio::mutable_buffer buffer) const {
            const auto slot = asio::get_associated_cancellation_slot(handler);
            transport->start_read(buffer, slot,
                                  Transport::IoHandler(std::forward<Handler>(handler)));
        }
    };
    struct StartWrite {
        Transport* transport;
        template <class Handler>
        void operator()(Handler&& handler, const List& list) const {
            const auto slot = asio::get_associated_cancellation_slot(handler);
            transport->start_write(std::span(list.items.data(), list.count), slot,
                                   Transport::IoHandler(std::forward<Handler>(handler)));
        }
    };
    struct Teardown {
        Teardown(Transport& transport_, asio::cancellation_slot slot_,
                 UniqueFunction<void(error_code)> handler_)
            : transport(transport_),
              slot(slot_),
              handler(std::move(handler_)),
              patience(transport_.executor()) {}
        static void begin(std::shared_ptr<Teardown> self) {
            self->patience.arm(std::chrono::steady_clock::now() + std::chrono::seconds(1),
                               [&transport = self->transport] { transport.close(); });
            step(std::move(self));
        }
        static void step(std::shared_ptr<Teardown> self) {
            auto& teardown = *self;
            teardown.transport.start_read(
                asio::buffer(teardown.sink), teardown.slot,
                [self = std::move(self)](error_code error, std::size_t) mutable {
                    if (!error && --self->left > 0) return step(std::move(self));
                    self->patience.disarm();
                    // Both close frames are through: however the bytes end, the WebSocket has.
                    self->handler(error_code());
                });
        }
        Transport& transport;
        asio::cancellation_slot slot;
        UniqueFunction<void(error_code)> handler;
        Deadline patience;
        std::array<char, 4096> sink{};
        int left = 16;  // reads still granted
    };

    std::unique_ptr<Transport> transport_;
};

}  // namespace headrace::http

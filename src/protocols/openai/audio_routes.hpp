#pragma once

#include <boost/asio/awaitable.hpp>

#include "protocols/openai/audio.hpp"
#include "protocols/openai/form.hpp"
#include "protocols/openai/model_call.hpp"
#include "protocols/openai/parts.hpp"
#include "protocols/openai/route_list.hpp"

namespace headrace::protocols::openai {

/// POST /audio/speech and /audio/transcriptions.
class AudioRoutes {
  public:
    explicit AudioRoutes(Site& site) : site_(site) {}
    void add_to(RouteList& routes);

  private:
    asio::awaitable<Reply> speech(http::Exchange& exchange);
    asio::awaitable<Reply> send_sound(http::Exchange& exchange, const SpeechInput& input,
                                      std::string content_type, jobs::BlobRef sound);
    asio::awaitable<Reply> transcribe(http::Exchange& exchange);
    asio::awaitable<Reply> transcript(http::Exchange& exchange, ModelCall& call, const Form& form);

    Site& site_;
};

}  // namespace headrace::protocols::openai

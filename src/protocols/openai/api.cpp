#include "protocols/openai/api.hpp"

#include <string>

#include "protocols/openai/audio_routes.hpp"
#include "protocols/openai/batch_routes.hpp"
#include "protocols/openai/chat_routes.hpp"
#include "protocols/openai/completion_routes.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/embedding_routes.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/file_routes.hpp"
#include "protocols/openai/gate.hpp"
#include "protocols/openai/model_routes.hpp"
#include "protocols/openai/response_routes.hpp"

namespace headrace::protocols::openai {
namespace {

/// What http refuses itself: routes that are not there, bodies that are too large, broken heads.
http::Response render(const Error& error, int status, const http::RequestHead& head) {
    Error told = error;
    if (status == 404 || status == 405) {
        told.message = (status == 404 ? "Unknown request URL: " : "Not allowed: ") +
                       std::string(http::to_string(head.method)) + ' ' + std::string(head.path) +
                       ".";
    }
    auto response = error_response(told, status, head.path);
    stamp(response, head, 0);
    return response;
}

}  // namespace

struct Api::Rooms {
    Rooms(Parts parts, Settings settings) : site(parts, settings) {
        models.add_to(routes);
        chat.add_to(routes);
        completions.add_to(routes);
        embeddings.add_to(routes);
        audio.add_to(routes);
        files.add_to(routes);
        responses.add_to(routes);
        batches.add_to(routes);
    }

    Site site;
    ModelRoutes models{site};
    ChatRoutes chat{site};
    CompletionRoutes completions{site};
    EmbeddingRoutes embeddings{site};
    AudioRoutes audio{site};
    FileRoutes files{site};
    ResponseRoutes responses{site};
    BatchRunner runner{site};
    BatchRoutes batches{site, runner};
    RouteList routes;
};

Api::Api(Parts parts, Settings settings) : rooms_(std::make_unique<Rooms>(parts, settings)) {}

Api::~Api() = default;

void Api::resume() {
    rooms_->runner.resume();
}

void Api::stop() {
    rooms_->runner.stop();
}

http::Mount Api::mount() const {
    http::Mount mount;
    mount.name = "openai";
    mount.prefix = std::string(kPrefix);
    mount.routes = rooms_->routes.all();
    mount.gate = Gate(rooms_->site.parts.keys, rooms_->site.parts.refused);
    mount.render_error = render;
    return mount;
}

}  // namespace headrace::protocols::openai

#include "protocols/native/api.hpp"

#include <string>
#include <utility>

#include "protocols/native/account_routes.hpp"
#include "protocols/native/admin_routes.hpp"
#include "protocols/native/catalog_routes.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/file_routes.hpp"
#include "protocols/native/gate.hpp"
#include "protocols/native/job_routes.hpp"
#include "protocols/native/key_routes.hpp"
#include "protocols/native/request_routes.hpp"
#include "protocols/native/sign_in_routes.hpp"
#include "protocols/native/socket_routes.hpp"
#include "protocols/native/status_routes.hpp"
#include "protocols/native/upstream_routes.hpp"

namespace headrace::protocols::native {

struct Api::Rooms {
    Rooms(Parts parts, Settings settings) : site(std::move(parts), settings) {
        jobs.add_to(routes);
        files.add_to(routes);
        capabilities.add_to(routes);
        sockets.add_to(routes);
        keys.add_to(routes);
        accounts.add_to(routes);
        admin.add_to(routes);
        sign_in.add_to(routes);
        status.add_to(routes);
        upstreams.add_to(routes);
        requests.add_to(routes);
        capabilities.describe(routes);
    }

    Site site;
    JobRoutes jobs{site};
    FileRoutes files{site};
    CatalogRoutes capabilities{site};
    SocketRoutes sockets{site};
    KeyRoutes keys{site};
    AccountRoutes accounts{site};
    AdminRoutes admin{site};
    SignInRoutes sign_in{site};
    StatusRoutes status{site};
    UpstreamRoutes upstreams{site};
    RequestRoutes requests{site};
    RouteList routes;
};

Api::Api(Parts parts, Settings settings)
    : rooms_(std::make_unique<Rooms>(std::move(parts), settings)) {}

Api::~Api() = default;

http::Mount Api::mount(bool with_console) const {
    http::Mount mount;
    mount.name = "native";
    mount.prefix = std::string(kPrefix);
    mount.routes = rooms_->routes.all();
    const auto& parts = rooms_->site.parts;
    mount.gate = Gate(parts.keys, with_console ? &parts.sessions : nullptr);
    mount.render_error = problem;
    return mount;
}

}  // namespace headrace::protocols::native

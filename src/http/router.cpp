#include "http/router.hpp"

#include <algorithm>

namespace headrace::http {
namespace {

constexpr std::size_t kMaxSegments = 64;

/// "/a/b" -> {"a", "b"}; "" -> {}; "/" -> {""}.
std::vector<std::string> segments_of(std::string_view pattern) {
    std::vector<std::string> segments;
    while (!pattern.empty()) {
        pattern.remove_prefix(1);
        const auto end = std::min(pattern.find('/'), pattern.size());
        segments.emplace_back(pattern.substr(0, end));
        pattern.remove_prefix(end);
    }
    return segments;
}

bool is_parameter(std::string_view segment) {
    return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

}  // namespace

bool SplitPath::split(std::string_view raw) {
    segments_.clear();
    const bool plain = raw.find('%') == std::string_view::npos;
    storage_.clear();
    if (!plain) storage_.reserve(raw.size());  // views into it must not move
    decoded_ = raw;
    while (!raw.empty()) {
        if (raw.front() == '/') raw.remove_prefix(1);
        const auto end = std::min(raw.find('/'), raw.size());
        auto segment = raw.substr(0, end);
        raw.remove_prefix(end);
        if (!plain) {
            const auto text = percent_decode(segment);
            if (!text) return false;
            for (const char c : *text) {
                if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
            }
            storage_.push_back('/');
            const auto start = storage_.size();
            storage_.append(*text);
            segment = std::string_view(storage_).substr(start);
        }
        segments_.push_back(segment);
        if (segments_.size() > kMaxSegments) return false;
    }
    if (!plain) decoded_ = storage_;
    return true;
}

struct Router::Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> statics;
    std::unique_ptr<Node> parameter;
    std::vector<std::string> names;  // of the parameters on the way here, set where routes end
    std::vector<const Route*> routes;

    Node& child(const std::string& segment) {
        if (is_parameter(segment)) {
            if (!parameter) parameter = std::make_unique<Node>();
            return *parameter;
        }
        for (auto& [text, node] : statics) {
            if (text == segment) return *node;
        }
        return *statics.emplace_back(segment, std::make_unique<Node>()).second;
    }
};

struct Router::Tree {
    Mount mount;
    std::vector<std::string> prefix;
    Node root;
};

Router::~Router() = default;

Result<std::unique_ptr<Router>> Router::make(std::vector<Mount> mounts,
                                             const std::set<RouteClass>& classes) {
    std::unique_ptr<Router> router(new Router);
    for (auto& mount : mounts) {
        if (!mount.prefix.empty() && (mount.prefix.front() != '/' || mount.prefix.back() == '/')) {
            return fail(ErrorCode::invalid_argument, "mount " + mount.name + ": the prefix \"" +
                                                         mount.prefix +
                                                         "\" must begin and not end with a slash");
        }
        for (const auto& other : router->trees_) {
            if (equal_without_case(other->mount.host, mount.host) &&
                other->mount.prefix == mount.prefix) {
                return fail(ErrorCode::invalid_argument, "mounts " + other->mount.name + " and " +
                                                             mount.name + " both want \"" +
                                                             mount.host + mount.prefix + "\"");
            }
        }
        auto tree = std::make_unique<Tree>();
        tree->prefix = segments_of(mount.prefix);
        tree->mount = std::move(mount);
        if (auto added = router->add(*tree, classes); !added) return fail(added.error());
        router->trees_.push_back(std::move(tree));
    }
    std::stable_sort(router->trees_.begin(), router->trees_.end(),
                     [](const auto& a, const auto& b) {
                         if (a->mount.host.empty() != b->mount.host.empty()) {
                             return !a->mount.host.empty();
                         }
                         return a->prefix.size() > b->prefix.size();
                     });
    return router;
}

Result<void> Router::add(Tree& tree, const std::set<RouteClass>& classes) {
    const auto where = [&](const Route& route) {
        return "mount " + tree.mount.name + ": " + std::string(to_string(route.method)) + " \"" +
               route.pattern + "\"";
    };
    for (const auto& route : tree.mount.routes) {
        if (!classes.contains(route.route_class)) continue;
        if (!route.pattern.empty() && route.pattern.front() != '/') {
            return fail(ErrorCode::invalid_argument, where(route) + " must begin with a slash");
        }
        if (!route.handler) {
            return fail(ErrorCode::invalid_argument, where(route) + " has no handler");
        }
        auto* node = &tree.root;
        std::vector<std::string> names;
        for (const auto& segment : segments_of(route.pattern)) {
            node = &node->child(segment);
            if (is_parameter(segment)) names.push_back(segment.substr(1, segment.size() - 2));
        }
        for (const auto* other : node->routes) {
            if (other->method == route.method) {
                return fail(ErrorCode::invalid_argument,
                            where(route) + " overlaps " + where(*other));
            }
        }
        if (!node->routes.empty() && node->names != names) {
            return fail(ErrorCode::invalid_argument, where(route) + " and " +
                                                         where(*node->routes.front()) +
                                                         " name their parameters differently");
        }
        node->names = std::move(names);
        node->routes.push_back(&route);
    }
    return {};
}

const Router::Node* Router::walk(const Node& node, const std::vector<std::string_view>& segments,
                                 std::size_t at, std::vector<PathParam>& params) {
    if (at == segments.size()) return node.routes.empty() ? nullptr : &node;
    for (const auto& [text, child] : node.statics) {
        if (text != segments[at]) continue;
        if (const auto* found = walk(*child, segments, at + 1, params)) return found;
    }
    if (node.parameter && !segments[at].empty()) {
        params.push_back({{}, segments[at]});
        if (const auto* found = walk(*node.parameter, segments, at + 1, params)) return found;
        params.pop_back();
    }
    return nullptr;
}

RouteMatch Router::match(Method method, std::string_view host, const SplitPath& path,
                         std::vector<PathParam>& params) const {
    RouteMatch match;
    const auto& segments = path.segments();
    for (const auto& tree : trees_) {
        if (!tree->mount.host.empty() && !equal_without_case(tree->mount.host, host)) continue;
        if (segments.size() < tree->prefix.size() ||
            !std::equal(tree->prefix.begin(), tree->prefix.end(), segments.begin())) {
            continue;
        }
        params.clear();
        // A shorter prefix may hold what a longer one does not ("" beside "/api/v1").
        const auto* node = walk(tree->root, segments, tree->prefix.size(), params);
        if (!node) {
            if (!match.mount) match.mount = &tree->mount;
            continue;
        }
        match.mount = &tree->mount;
        for (std::size_t i = 0; i < params.size(); ++i) params[i].name = node->names[i];
        const auto wanted = method == Method::head ? Method::get : method;
        for (const auto* route : node->routes) {
            if (route->method == method)
                match.route = route;
            else if (route->method == wanted && !match.route)
                match.route = route;
        }
        if (match.route) return match;
        for (const auto* route : node->routes) {
            match.allow.append(to_string(route->method)).append(", ");
            if (route->method == Method::get) match.allow.append("HEAD, ");
        }
        match.allow.append("OPTIONS");
        return match;
    }
    params.clear();
    return match;
}

const Mount* Router::first_mount() const {
    return trees_.empty() ? nullptr : &trees_.back()->mount;
}

std::vector<std::string> Router::hosts() const {
    std::vector<std::string> hosts;
    for (const auto& tree : trees_) {
        if (!tree->mount.host.empty()) hosts.push_back(tree->mount.host);
    }
    return hosts;
}

}  // namespace headrace::http

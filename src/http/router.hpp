#pragma once
// Internal: from method, host and path to a route of a mount.

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "http/route.hpp"

namespace headrace::http {

/// A parameter of the pattern and its decoded value; views into the pattern and the split path.
struct PathParam {
    std::string_view name;
    std::string_view value;
};

/// A request path cut at its slashes, each segment decoded once, so that an escaped slash stays in
/// its segment. Without escapes nothing is copied.
class SplitPath {
  public:
    /// False on a broken escape, a decoded control character, or more than 64 segments.
    bool split(std::string_view raw);
    [[nodiscard]] const std::vector<std::string_view>& segments() const { return segments_; }
    [[nodiscard]] std::string_view decoded() const { return decoded_; }

  private:
    std::string storage_;
    std::string_view decoded_;
    std::vector<std::string_view> segments_;
};

struct RouteMatch {
    const Mount* mount = nullptr;  // null: no mount holds the path
    const Route* route = nullptr;  // null: nothing there, or not for this method
    std::string allow;             // methods of the path where one matched; empty otherwise
};

/// Holds the mounts of one door. Only routes of the classes it serves exist in it.
class Router {
  public:
    /// Error invalid_argument: two mounts on one host and prefix, two routes on one method and
    /// pattern, a broken pattern. The message names both sides.
    static Result<std::unique_ptr<Router>> make(std::vector<Mount> mounts,
                                                const std::set<RouteClass>& classes);
    ~Router();

    /// The longest prefix of that host, then of any host; static segments before parameters.
    [[nodiscard]] RouteMatch match(Method method, std::string_view host, const SplitPath& path,
                                   std::vector<PathParam>& params) const;
    /// Whose error shape a broken request gets when nothing else decides it.
    [[nodiscard]] const Mount* first_mount() const;
    /// Hosts that mounts name.
    [[nodiscard]] std::vector<std::string> hosts() const;

  private:
    struct Node;
    struct Tree;
    Router() = default;
    Result<void> add(Tree& tree, const std::set<RouteClass>& classes);
    static const Node* walk(const Node& node, const std::vector<std::string_view>& segments,
                            std::size_t at, std::vector<PathParam>& params);

    std::vector<std::unique_ptr<Tree>> trees_;  // longest prefix first, named hosts before any
};

}  // namespace headrace::http

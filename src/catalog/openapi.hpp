#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "catalog/version.hpp"

namespace headrace::catalog {

/// One route as the dialect that serves it describes it.
struct ApiRoute {
    struct Body {
        std::string content_type = "application/json";
        std::string schema;  // name of a component schema; empty = any
    };
    struct Answer {
        int status = 200;
        std::string description;
        std::vector<Body> bodies;
    };
    struct Parameter {
        std::string name;
        std::string in;               // "query", "header"; path parameters come from the path
        std::string type = "string";  // a JSON Schema type word
        std::string description;
        bool required = false;
    };
    std::string method;  // "GET"
    std::string path;    // "/api/v1/jobs/{id}"
    std::string summary;
    std::string tag;
    std::string right;  // shown as x-right and in the description; empty = no key needed
    std::vector<Parameter> parameters;
    std::vector<Body> request;
    std::vector<Answer> answers;
    std::vector<int> errors;  // statuses that answer application/problem+json
};

/// Builds one OpenAPI 3.1 document. Routes and schemas may come in any order.
class OpenApiDocument {
  public:
    OpenApiDocument(std::string_view title, std::string_view version, std::string_view description);

    void add_server(std::string_view url, std::string_view description);
    void add_route(const ApiRoute& route);
    /// A component schema under `name`.
    void add_schema(std::string_view name, json::value schema);
    /// A version's input, output and progress as component schemas ("ocr@1.0.0" gives
    /// "ocr-1.0.0.input" …).
    void add_version_schemas(const Version& version);
    /// A typed run of one version: POST `path` whose input and output are the version's own.
    void add_typed_run(const Version& version, std::string_view path);

    [[nodiscard]] const json::object& root() const { return root_; }
    /// The document's text; compact, keys in order of insertion.
    [[nodiscard]] std::string text() const;

  private:
    json::object& section(std::string_view name);

    json::object root_;
};

/// The whole document of one version: what /capabilities/{name}/openapi.json answers. `jobs_path`
/// is where jobs are posted, e.g. "/api/v1/jobs".
std::string openapi_of(const Version& version, std::string_view jobs_path);

}  // namespace headrace::catalog

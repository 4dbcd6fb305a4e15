#include "catalog/openapi.hpp"

#include <algorithm>
#include <utility>

#include "catalog/json_schema.hpp"

namespace headrace::catalog {
namespace {

constexpr std::string_view kProblemType = "application/problem+json";

json::object object_of(std::string_view key, json::value value) {
    json::object object;
    object[key] = std::move(value);
    return object;
}

json::object reference(std::string_view schema) {
    return object_of("$ref", json::string("#/components/schemas/" + std::string(schema)));
}

json::object content_of(const std::vector<ApiRoute::Body>& bodies) {
    json::object content;
    for (const auto& body : bodies) {
        content[body.content_type] =
            object_of("schema", body.schema.empty() ? json::object{} : reference(body.schema));
    }
    return content;
}

/// "{id}" of a path: every one is a required string.
void add_path_parameters(std::string_view path, json::array& parameters) {
    for (auto open = path.find('{'); open != std::string_view::npos;
         open = path.find('{', open + 1)) {
        const auto close = path.find('}', open);
        if (close == std::string_view::npos) return;
        json::object parameter;
        parameter["name"] = path.substr(open + 1, close - open - 1);
        parameter["in"] = "path";
        parameter["required"] = true;
        parameter["schema"] = object_of("type", "string");
        parameters.push_back(std::move(parameter));
    }
}

json::object parameter_of(const ApiRoute::Parameter& from) {
    json::object parameter;
    parameter["name"] = from.name;
    parameter["in"] = from.in;
    if (from.required) parameter["required"] = true;
    if (!from.description.empty()) parameter["description"] = from.description;
    parameter["schema"] = object_of("type", json::string(from.type));
    return parameter;
}

std::string_view status_text(int status) {
    constexpr std::pair<int, std::string_view> kTexts[] = {
        {400, "The request is not valid; `errors` names each field"},
        {401, "No key, or not a good one"},
        {403, "The key does not have the right"},
        {404, "There is no such thing, or the key may not see it"},
        {405, "Not this method"},
        {409, "The state does not allow it"},
        {410, "It existed and was removed"},
        {413, "Too large"},
        {415, "Not a content type that is read here"},
        {422, "The idempotency key was used with another body"},
        {429, "Over a limit, or the queue is full; see Retry-After"},
        {431, "The head is too large"},
        {500, "Our fault; the answer carries an id only"},
        {503, "Not now; see Retry-After"}};
    for (const auto& [number, text] : kTexts) {
        if (number == status) return text;
    }
    return "Error";
}

void add_errors(json::object& responses, const std::vector<int>& statuses) {
    for (const int status : statuses) {
        json::object response;
        response["description"] = status_text(status);
        response["content"] = object_of(kProblemType, object_of("schema", reference("Problem")));
        responses[std::to_string(status)] = std::move(response);
    }
}

json::value problem_schema() {
    return json::parse(R"({"type":"object","description":"RFC 9457 problem details",
"required":["type","title","status","code"],"properties":{
"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},
"detail":{"type":"string"},"code":{"type":"string","description":"a word of the closed set of error codes"},
"instance":{"type":"string"},"trace_id":{"type":"string"},
"errors":{"type":"array","items":{"type":"object","required":["path","rule"],"properties":{
"path":{"type":"string"},"rule":{"type":"string"},"limit":{"type":"string"}}}}}})");
}

/// Component names allow letters, digits, '.', '_' and '-' only.
std::string component_name(const Version& version) {
    std::string name = version.name + '-' + version.semver.text();
    std::replace(name.begin(), name.end(), '+', '_');
    return name;
}

json::object run_request_schema(const Version& version) {
    json::object properties;
    properties["capability"] = object_of("enum", json::array{version.text(), version.name});
    properties["input"] = reference(component_name(version) + ".input");
    properties["priority"] =
        json::parse(R"({"type":"integer","minimum":0,"maximum":9,"default":5})");
    for (const char* seconds : {"timeout", "ttl", "deadline"}) {
        properties[seconds] = json::parse(R"({"type":"number","exclusiveMinimum":0,"x-unit":"s"})");
    }
    properties["idempotency_key"] = json::parse(R"({"type":"string","maxLength":255})");
    json::object schema;
    schema["type"] = "object";
    schema["properties"] = std::move(properties);
    schema["required"] = json::array{"capability", "input"};
    return schema;
}

json::object run_answer_schema(const Version& version) {
    json::object properties;
    properties["id"] = json::parse(R"({"type":"string","format":"uuid"})");
    properties["capability"] = object_of("const", json::string(version.text()));
    properties["state"] = object_of(
        "enum", json::array{"queued", "running", "succeeded", "failed", "cancelled", "expired"});
    properties["progress"] = json::parse(R"({"type":"object"})");
    if (!version.interface().progress_outputs.empty()) {
        properties["progress"] = reference(component_name(version) + ".progress");
    }
    properties["output"] = reference(component_name(version) + ".output");
    properties["error"] = json::parse(R"({"type":"object","properties":{"code":{"type":"string"},
"message":{"type":"string"},"reason":{"type":"string"},"retryable":{"type":"boolean"},
"retry_after":{"type":"integer"}}})");
    json::object schema;
    schema["type"] = "object";
    schema["properties"] = std::move(properties);
    schema["required"] = json::array{"id", "capability", "state"};
    return schema;
}

json::object component_schema(const Interface& interface, Side side) {
    auto schema = json_schema(interface, side);
    schema.erase("$schema");  // OpenAPI 3.1 says once for all which dialect its schemas are
    return schema;
}

}  // namespace

OpenApiDocument::OpenApiDocument(std::string_view title, std::string_view version,
                                 std::string_view description) {
    root_["openapi"] = "3.1.0";
    json::object info;
    info["title"] = title;
    info["version"] = version;
    if (!description.empty()) info["description"] = description;
    root_["info"] = std::move(info);
    root_["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema";
    root_["servers"] = json::array{};
    root_["paths"] = json::object{};
    json::object components;
    components["schemas"] = object_of("Problem", problem_schema());
    components["securitySchemes"] =
        object_of("key", json::object{{"type", "http"}, {"scheme", "bearer"}});
    root_["components"] = std::move(components);
}

json::object& OpenApiDocument::section(std::string_view name) {
    if (name == "paths") return root_.at("paths").as_object();
    return root_.at("components").as_object().at(name).as_object();
}

void OpenApiDocument::add_server(std::string_view url, std::string_view description) {
    json::object server{{"url", url}};
    if (!description.empty()) server["description"] = description;
    root_.at("servers").as_array().push_back(std::move(server));
}

void OpenApiDocument::add_schema(std::string_view name, json::value schema) {
    section("schemas")[name] = std::move(schema);
}

void OpenApiDocument::add_route(const ApiRoute& route) {
    json::object operation;
    operation["summary"] = route.summary;
    if (!route.tag.empty()) operation["tags"] = json::array{json::value(route.tag)};
    if (!route.right.empty()) {
        operation["x-right"] = route.right;
        operation["security"] = json::array{object_of("key", json::array{})};
    }
    json::array parameters;
    add_path_parameters(route.path, parameters);
    for (const auto& parameter : route.parameters) parameters.push_back(parameter_of(parameter));
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (!route.request.empty()) {
        json::object body{{"required", true}};
        body["content"] = content_of(route.request);
        operation["requestBody"] = std::move(body);
    }
    json::object responses;
    for (const auto& answer : route.answers) {
        json::object response{{"description", answer.description}};
        if (!answer.bodies.empty()) response["content"] = content_of(answer.bodies);
        responses[std::to_string(answer.status)] = std::move(response);
    }
    add_errors(responses, route.errors);
    operation["responses"] = std::move(responses);

    std::string method = route.method;
    std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) {
        return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    });
    auto& item = section("paths")[route.path];
    if (!item.is_object()) item.emplace_object();
    item.get_object()[method] = std::move(operation);
}

void OpenApiDocument::add_version_schemas(const Version& version) {
    const auto& interface = version.interface();
    const auto name = component_name(version);
    add_schema(name + ".input", component_schema(interface, Side::input));
    add_schema(name + ".output", component_schema(interface, Side::output));
    if (!interface.progress_outputs.empty()) {
        add_schema(name + ".progress", component_schema(interface, Side::progress_output));
    }
}

void OpenApiDocument::add_typed_run(const Version& version, std::string_view path) {
    add_version_schemas(version);
    const auto name = component_name(version);
    add_schema(name + ".run", run_request_schema(version));
    add_schema(name + ".job", run_answer_schema(version));
    ApiRoute route;
    route.method = "POST";
    route.path = path;
    route.summary = "Run " + (version.title.empty() ? version.text() : version.title);
    route.tag = version.name;
    route.right = "submit_job";
    route.parameters.push_back(
        {"Prefer", "header", "string", "wait=N: wait up to N seconds, 1 to 60", false});
    route.parameters.push_back({"Idempotency-Key", "header", "string",
                                "the same key gets the first answer, for 24 hours", false});
    route.request.push_back({"application/json", name + ".run"});
    route.answers.push_back({200, "The job has ended", {{"application/json", name + ".job"}}});
    route.answers.push_back({202, "The job is accepted", {{"application/json", name + ".job"}}});
    route.errors = {400, 401, 403, 404, 413, 422, 429, 503};
    add_route(route);
}

std::string OpenApiDocument::text() const {
    std::string out;
    append_json(out, root_);
    return out;
}

std::string openapi_of(const Version& version, std::string_view jobs_path) {
    OpenApiDocument document(version.title.empty() ? version.name : version.title,
                             version.semver.text(), version.description);
    document.add_typed_run(version, jobs_path);
    return document.text();
}

}  // namespace headrace::catalog

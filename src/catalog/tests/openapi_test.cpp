#include "catalog/openapi.hpp"

#include <gtest/gtest.h>

namespace headrace::catalog {
namespace {

TEST(OpenApi, GathersRoutesOfOnePath) {
    OpenApiDocument document("Headrace", "0.1.0", "");
    document.add_server("/", "this server");
    document.add_schema("Job", json::object{{"type", "object"}});
    ApiRoute route;
    route.method = "GET";
    route.path = "/api/v1/jobs/{id}/events/{seq}";
    route.summary = "One event";
    route.right = "read_job";
    route.parameters.push_back({"wait", "query", "integer", "seconds", false});
    route.answers.push_back({200, "The job", {{"application/json", "Job"}}});
    route.errors = {404};
    document.add_route(route);
    route.method = "DELETE";
    route.right.clear();
    route.answers = {{204, "Gone", {}}};
    document.add_route(route);

    const auto& path = document.root().at("paths").at("/api/v1/jobs/{id}/events/{seq}").as_object();
    ASSERT_EQ(path.size(), 2U);
    const auto& get = path.at("get");
    EXPECT_EQ(get.at("parameters").as_array().size(), 3U);
    EXPECT_EQ(get.at("x-right"), json::value("read_job"));
    EXPECT_EQ(get.at_pointer("/responses/200/content/application~1json/schema/$ref"),
              json::value("#/components/schemas/Job"));
    EXPECT_EQ(get.at_pointer("/responses/404/content/application~1problem+json/schema/$ref"),
              json::value("#/components/schemas/Problem"));
    EXPECT_FALSE(path.at("delete").as_object().contains("security"));
    EXPECT_TRUE(parse_json(document.text()).has_value());
}

}  // namespace
}  // namespace headrace::catalog

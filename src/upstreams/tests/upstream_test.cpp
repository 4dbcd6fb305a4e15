#include "upstreams/upstream.hpp"

#include <gtest/gtest.h>

#include "upstreams/openai_dialer.hpp"

namespace headrace::upstreams {
namespace {

UpstreamSpec sound() {
    UpstreamSpec spec;
    spec.tenant = TenantId("default");
    spec.name = "vllm-1";
    spec.base_url = "http://10.0.0.7:8000/v1";
    spec.models = {{"Qwen/Qwen2.5-7B", "", catalog::Profile::chat}};
    return spec;
}

std::string fault_of(const UpstreamSpec& spec) {
    const auto checked = check(spec);
    return checked ? "" : checked.error().violations.at(0).path;
}

TEST(Check, NamesEachFault) {
    EXPECT_EQ(fault_of(sound()), "");
    const auto with = [](auto change) {
        UpstreamSpec spec = sound();
        change(spec);
        return fault_of(spec);
    };
    EXPECT_EQ(with([](auto& s) { s.name = "Big"; }), "name");
    EXPECT_EQ(with([](auto& s) { s.name = ""; }), "name");
    for (const char* url : {"", "x", "ftp://a/", "unix:/x", "http://u:p@a/", "http://a/?q=1"}) {
        EXPECT_EQ(with([&](auto& s) { s.base_url = url; }), "base_url") << url;
    }
    EXPECT_EQ(with([](auto& s) { s.models[0].id = "a\nb"; }), "models[0].id");
    EXPECT_EQ(with([](auto& s) { s.models.push_back(s.models[0]); }), "models[1].id");
    EXPECT_EQ(with([](auto& s) { s.weight = 0; }), "weight");
    EXPECT_EQ(with([](auto& s) { s.failures = 0; }), "failures");
    EXPECT_EQ(with([](auto& s) { s.timeouts.connect = std::chrono::milliseconds(0); }),
              "timeouts.connect");
    EXPECT_EQ(with([](auto& s) { s.key = Secret("a\r\nX: y"); }), "key");
    for (const std::string name : {"Authorization", "host", "Content-Length"}) {
        EXPECT_EQ(with([&](auto& s) { s.headers = {{name, "v"}}; }), "headers." + name);
    }
    for (const char* name : {"", "a b", "x\r\n"}) {
        EXPECT_EQ(with([&](auto& s) { s.headers = {{name, "v"}}; }), "headers") << name;
    }
    EXPECT_EQ(with([](auto& s) { s.headers = {{"x-team", "v\r\nEvil: 1"}}; }), "headers.x-team");
    EXPECT_EQ(with([](auto& s) { s.options = {{"a\n", "v"}}; }), "options");
    EXPECT_EQ(with([](auto& s) { s.options = {{"tools", "\xff"}}; }), "options.tools");
    EXPECT_EQ(with([](auto& s) { s.headers = {{"x-team", "v"}}; }), "");
}

TEST(Check, TlsIsForHttpsAndOfCertificates) {
    UpstreamSpec spec = sound();
    spec.server_name = "models.example";
    EXPECT_EQ(fault_of(spec), "server_name") << "of plain http";
    spec.base_url = "https://10.0.0.7/v1";
    EXPECT_EQ(fault_of(spec), "");
    spec.ca = "no PEM";
    EXPECT_EQ(fault_of(spec), "ca");
    spec.ca = std::string(100'000, 'x');
    EXPECT_EQ(fault_of(spec), "ca");
    spec.ca.clear();
    spec.server_name = "a\nb";
    EXPECT_EQ(fault_of(spec), "server_name");
}

TEST(WithoutSecrets, CutsWhatTheServerWasSent) {
    UpstreamSpec spec = sound();
    EXPECT_EQ(without_secrets("nothing", spec), "nothing");
    spec.key = Secret("sk-1234");
    spec.headers = {{"x-api-key", "longer-secret"}, {"x-team", "blue"}};
    EXPECT_EQ(without_secrets("sk-1234sk-1234, longer-secret of blue sk-123", spec),
              "******, *** of blue sk-123");
    spec.headers = {{"x", "********"}};
    EXPECT_EQ(without_secrets("a ******** b", spec), "a *** b") << "and it ends";
}

TEST(Same, SeesEveryField) {
    const UpstreamSpec one = sound();
    EXPECT_TRUE(same(one, sound()));
    UpstreamSpec other = sound();
    other.key = Secret("k");
    EXPECT_FALSE(same(one, other));
    other = sound();
    other.ca = "x";
    EXPECT_FALSE(same(one, other));
    other = sound();
    other.server_name = "x";
    EXPECT_FALSE(same(one, other));
    other = sound();
    other.timeouts.between = std::chrono::milliseconds(1);
    EXPECT_FALSE(same(one, other));
    other = sound();
    other.models[0].remote = "x";
    EXPECT_FALSE(same(one, other));
}

TEST(StatusFault, SaysWhatTheServerMeans) {
    const auto fault = [](int status, const http::Headers& headers = {}) -> std::string {
        const auto error = status_fault(status, headers);
        return error ? std::string(to_string(error->fault)) : "";
    };
    for (const int status : {200, 201, 400, 413, 415, 422}) EXPECT_EQ(fault(status), "") << status;
    for (const int status : {401, 403}) EXPECT_EQ(fault(status), "credentials");
    for (const int status : {404, 405}) EXPECT_EQ(fault(status), "model");
    for (const int status : {204, 301, 307, 408, 500, 502, 503, 504})
        EXPECT_EQ(fault(status), "server") << status;
    for (const int status : {429, 529}) EXPECT_EQ(fault(status), "busy");
    EXPECT_EQ(fault(503, {{"Retry-After", "7"}}), "busy");
    EXPECT_EQ(status_fault(429, {{"retry-after", "12"}})->retry_after_s, 12);
    EXPECT_EQ(status_fault(429, {{"retry-after-ms", "1500"}})->retry_after_s, 2);
    EXPECT_EQ(status_fault(429, {{"retry-after", "999999999"}})->retry_after_s, 3'600);
    EXPECT_EQ(status_fault(429, {{"retry-after", "-5"}})->retry_after_s, 0);
    EXPECT_EQ(status_fault(429, {{"retry-after", "Fri, 31 Dec 1999 23:59:59 GMT"}})->retry_after_s,
              0);
}

}  // namespace
}  // namespace headrace::upstreams

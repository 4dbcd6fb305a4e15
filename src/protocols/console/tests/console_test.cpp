#include "protocols/console/console.hpp"

#include <gtest/gtest.h>

namespace headrace::protocols::console {
namespace {

constexpr Asset kPage[] = {
    {"assets/index-1a2b.js", "let a = 1;let b = 2;", "packed", "aa11"},
    {"index.html", "<!doctype html>", "", "bb22"},
    {"logo.svg", "<svg/>", "", "cc33"},
};

http::Response get(std::string_view path, std::string_view accept = "",
                   std::string_view known = "") {
    static const Console console(kPage);
    http::HeaderView headers;
    if (!accept.empty()) headers.add("Accept-Encoding", accept);
    if (!known.empty()) headers.add("If-None-Match", known);
    return console.find(path, headers);
}

std::string header(const http::Response& response, std::string_view name) {
    return std::string(response.headers.find(name).value_or(""));
}

TEST(Console, TheIndexIsAlwaysAskedForAgain) {
    const auto page = get("");
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.body, "<!doctype html>");
    EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
    EXPECT_EQ(header(page, "cache-control"), "no-cache");
    EXPECT_EQ(get("", "", "\"bb22\"").status, 304);
    EXPECT_EQ(get("", "", "\"bb2\"").status, 200);
}

TEST(Console, HashedFilesAreKeptForGoodAndPacked) {
    const auto plain = get("assets/index-1a2b.js");
    EXPECT_EQ(header(plain, "cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(plain.body, "let a = 1;let b = 2;");
    EXPECT_EQ(header(plain, "vary"), "Accept-Encoding");
    const auto packed = get("assets/index-1a2b.js", "br, gzip;q=0.8");
    EXPECT_EQ(packed.body, "packed");
    EXPECT_EQ(header(packed, "content-encoding"), "gzip");
    EXPECT_NE(header(packed, "etag"), header(plain, "etag"));
    EXPECT_EQ(get("assets/index-1a2b.js", "gzip;q=0").body, plain.body);
    const auto known = get("assets/index-1a2b.js", "gzip", "W/\"x\", \"aa11-gz\"");
    EXPECT_EQ(known.status, 304);
    EXPECT_TRUE(known.body.empty());
}

TEST(Console, PlacesInsideThePageAreThePage) {
    EXPECT_EQ(get("jobs/0192").body, "<!doctype html>");
    EXPECT_EQ(get("playground").content_type, "text/html; charset=utf-8");
    EXPECT_EQ(get("assets/gone-9.js").status, 404) << "a missing script is no page";
    EXPECT_EQ(get("logo.svg").content_type, "image/svg+xml");
    EXPECT_EQ(get("../../etc/passwd").body, "<!doctype html>") << "there are no files but ours";
}

TEST(Console, EveryAnswerCarriesThePolicy) {
    for (const auto* path : {"", "assets/index-1a2b.js", "assets/none.js", "jobs"}) {
        const auto response = get(path);
        const auto policy = header(response, "content-security-policy");
        EXPECT_NE(policy.find("default-src 'none'"), std::string::npos) << path;
        EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos) << path;
        EXPECT_EQ(policy.find("unsafe"), std::string::npos) << path;
        EXPECT_EQ(header(response, "x-content-type-options"), "nosniff") << path;
        EXPECT_EQ(header(response, "referrer-policy"), "no-referrer") << path;
    }
}

TEST(Console, WithoutAPageItSaysHowToBuildOne) {
    const Console none({});
    const auto response = none.find("", {});
    EXPECT_EQ(response.status, 200);
    EXPECT_NE(response.body.find("./dev console"), std::string::npos);
    EXPECT_NE(header(response, "content-security-policy"), "");
}

}  // namespace
}  // namespace headrace::protocols::console

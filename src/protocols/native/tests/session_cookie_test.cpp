#include "protocols/native/session_cookie.hpp"

#include <gtest/gtest.h>

namespace headrace::protocols::native {
namespace {

TEST(SessionCookie, IsFoundAmongOthers) {
    EXPECT_EQ(cookie_value("headrace_session=abc", kSessionCookie), "abc");
    EXPECT_EQ(cookie_value("a=1; headrace_session=abc ;b=2", kSessionCookie), "abc");
    EXPECT_EQ(cookie_value("headrace_session=", kSessionCookie), "");
    EXPECT_EQ(cookie_value("xheadrace_session=abc", kSessionCookie), std::nullopt);
    EXPECT_EQ(cookie_value("headrace_sessions=abc", kSessionCookie), std::nullopt);
    EXPECT_EQ(cookie_value("a=headrace_session=abc", kSessionCookie), std::nullopt);
    EXPECT_EQ(cookie_value(";;;", kSessionCookie), std::nullopt);
    EXPECT_EQ(cookie_value("", kSessionCookie), std::nullopt);
}

TEST(SessionCookie, IsNoScriptsAndNoOtherSites) {
    EXPECT_EQ(set_session_cookie("t", 60, true),
              "headrace_session=t; Path=/; Max-Age=60; HttpOnly; SameSite=Strict; Secure");
    EXPECT_EQ(set_session_cookie("", -5, false),
              "headrace_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
}

TEST(Origin, NamesTheAuthorityOfHost) {
    EXPECT_TRUE(is_origin_of("http://127.0.0.1:8601", "127.0.0.1:8601"));
    EXPECT_TRUE(is_origin_of("https://Headrace.example", "headrace.example"));
    EXPECT_FALSE(is_origin_of("http://127.0.0.1:8600", "127.0.0.1:8601"));
    EXPECT_FALSE(is_origin_of("http://evil.example", "127.0.0.1:8601"));
    EXPECT_FALSE(is_origin_of("http://127.0.0.1:8601.evil.example", "127.0.0.1:8601"));
    EXPECT_FALSE(is_origin_of("null", "127.0.0.1:8601"));
    EXPECT_FALSE(is_origin_of("http://", ""));
}

}  // namespace
}  // namespace headrace::protocols::native

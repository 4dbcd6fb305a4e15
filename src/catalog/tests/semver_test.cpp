#include "catalog/semver.hpp"

#include <gtest/gtest.h>

namespace headrace::catalog {
namespace {

SemVer of(std::string_view text) {
    const auto version = SemVer::parse(text);
    EXPECT_TRUE(version.has_value()) << text;
    return version.value_or(SemVer());
}

TEST(SemVer, OrdersAsTheStandardSays) {
    const char* const rising[] = {"0.9.10",     "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                  "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                                  "1.0.0",      "1.0.1",        "1.2.0",         "1.10.0",
                                  "2.0.0"};
    for (std::size_t i = 0; i < std::size(rising); ++i) {
        for (std::size_t j = 0; j < std::size(rising); ++j) {
            EXPECT_EQ(of(rising[i]) < of(rising[j]), i < j) << rising[i] << " < " << rising[j];
        }
    }
    EXPECT_TRUE(of("1.0.0+a") == of("1.0.0+b"));
    EXPECT_EQ(of("1.0.0-rc.1+x.5").text(), "1.0.0-rc.1+x.5");
    EXPECT_TRUE(of("1.0.0-0").is_prerelease());
    EXPECT_FALSE(of("1.0.0+1-2").is_prerelease());
}

TEST(SemVer, IsStrict) {
    for (const char* text :
         {"", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0-a..b", "1.0.0+",
          "v1.0.0", "1.0.0 ", "1.0.-1", "1.0.0-ä", "99999999999999999999.0.0"}) {
        EXPECT_FALSE(SemVer::parse(text)) << text;
    }
    EXPECT_FALSE(SemVer::parse("1.0.0-" + std::string(200, 'a')));
}

}  // namespace
}  // namespace headrace::catalog

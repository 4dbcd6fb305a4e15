#include "base/digest.hpp"

#include <gtest/gtest.h>

namespace headrace {
namespace {

TEST(Digest, Sha256OfKnownVectors) {
    EXPECT_EQ(to_hex(sha256("")),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    Sha256Stream stream;
    stream.update("ab");
    stream.update("c");
    EXPECT_EQ(to_hex(stream.finish()),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Digest, HmacOfRfc4231Case2) {
    EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Base64, RoundTripsEveryLength) {
    std::string bytes;
    for (int i = 0; i < 70; ++i) {
        EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
        EXPECT_EQ(from_base64url(to_base64url(bytes)).value(), bytes);
        bytes += static_cast<char>(i * 37);
    }
}

TEST(Base64, RefusesOtherCharacters) {
    EXPECT_FALSE(from_base64("AA=A"));
    EXPECT_FALSE(from_base64("AAA"));
    EXPECT_FALSE(from_base64("AA-A"));
    EXPECT_FALSE(from_base64url("AA+A"));
    EXPECT_FALSE(from_base64url("A"));
}

TEST(Hex, RoundTripsAndRefuses) {
    EXPECT_EQ(from_hex(to_hex(std::string("\x00\xff\x10", 3))).value(),
              std::string("\x00\xff\x10", 3));
    EXPECT_FALSE(from_hex("0"));
    EXPECT_FALSE(from_hex("zz"));
}

TEST(ConstantTime, ComparesByValue) {
    EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
    EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
    EXPECT_FALSE(equal_in_constant_time("abc", "abcd"));
}

}  // namespace
}  // namespace headrace

#include "generation.hpp"

#include <thread>

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

Order order(bool streamed) {
    Order made;
    made.streamed = streamed;
    return made;
}

TEST(Generation, AStreamedOneHandsOverWhatThereIs) {
    Generation generation(order(true), [] { return false; });
    generation.add({"a", {"1"}});
    generation.add({"b", {"2"}});
    TextOut::Piece piece;
    EXPECT_FALSE(generation.wait(piece));
    EXPECT_EQ(piece.text, "ab");
    EXPECT_EQ(piece.entries.size(), 2U);
    std::thread computing([&] {
        generation.add({"c", {}});
        generation.finish({Generation::End::length, {}, 3, 4});
    });
    std::string rest;
    bool ended = false;
    while (!ended) {
        ended = generation.wait(piece);
        rest += piece.text;
    }
    computing.join();
    EXPECT_EQ(rest, "c");
    EXPECT_EQ(generation.outcome().end, Generation::End::length);
    EXPECT_EQ(generation.outcome().cached_tokens, 3U);
}

TEST(Generation, IsFullWhileItsCallerIsSlow) {
    Generation generation(order(true), [] { return false; });
    generation.add({std::string(Generation::kMostUnsent + 1, 'x'), {}});
    EXPECT_TRUE(generation.full());
    TextOut::Piece piece;
    generation.wait(piece);
    EXPECT_FALSE(generation.full());
    Generation whole(order(false), [] { return false; });
    whole.add({std::string(Generation::kMostUnsent + 1, 'x'), {}});
    EXPECT_FALSE(whole.full());  // nobody takes it before the end
}

TEST(Generation, IsUnwantedWhenCancelledOrAbandoned) {
    bool cancelled = false;
    Generation generation(order(true), [&] { return cancelled; });
    EXPECT_FALSE(generation.unwanted());
    cancelled = true;
    EXPECT_TRUE(generation.unwanted());
    cancelled = false;
    generation.abandon();
    EXPECT_TRUE(generation.unwanted());
}

}  // namespace
}  // namespace headrace::llama

#include "prefix.hpp"

#include <gtest/gtest.h>

namespace headrace::llama {
namespace {

TEST(ChooseSequence, ContinuesTheConversationThatBeginsAlike) {
    const std::vector<Held> held{{{1, 2, 3}, 5, false}, {{1, 2, 3, 4}, 1, false}, {{}, 0, false}};
    const std::vector<Token> prompt{1, 2, 3, 4, 5};
    const auto choice = choose_sequence(held, prompt);
    EXPECT_EQ(choice.sequence, 1U);
    EXPECT_EQ(choice.common, 4U);
}

TEST(ChooseSequence, TheLastTokenIsAlwaysComputed) {
    const std::vector<Held> held{{{1, 2, 3}, 5, false}};
    EXPECT_EQ(choose_sequence(held, std::vector<Token>{1, 2, 3}).common, 2U);
    EXPECT_EQ(choose_sequence(held, std::vector<Token>{1}).common, 0U);
}

TEST(ChooseSequence, LeavesALongConversationWithTheSameGreetingAlone) {
    const std::vector<Held> held{{{1, 2, 3, 4, 5, 6, 7, 8}, 9, false}, {{}, 3, false}};
    const std::vector<Token> prompt{1, 2, 30, 40};
    EXPECT_EQ(choose_sequence(held, prompt).sequence, 1U);
    // Unless there is no other: then what is common still counts.
    const auto only = choose_sequence(std::span(held).first(1), prompt);
    EXPECT_EQ(only.sequence, 0U);
    EXPECT_EQ(only.common, 2U);
}

TEST(ChooseSequence, TakesTheLongestUnusedAndNeverABusyOne) {
    const std::vector<Held> held{
        {{1, 2}, 7, true}, {{8}, 4, false}, {{9}, 2, false}, {{9}, 1, true}};
    const auto choice = choose_sequence(held, std::vector<Token>{1, 2, 3});
    EXPECT_EQ(choice.sequence, 2U);
    EXPECT_EQ(choice.common, 0U);
}

}  // namespace
}  // namespace headrace::llama

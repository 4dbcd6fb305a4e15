#include "link/credit_ledger.hpp"

#include <array>

#include <gtest/gtest.h>

namespace headrace::link {
namespace {

TEST(CreditLedger, KnowsWhatIsLeftOfEachSet) {
    CreditLedger ledger;
    const std::array<std::uint32_t, 1> one{0};
    const std::array<std::uint32_t, 2> both{0, 1};
    ledger.give(one, 2);
    ledger.give(both, 1);
    ledger.give(one, 1);
    ASSERT_EQ(ledger.sets().size(), 2U);
    EXPECT_EQ(ledger.sets()[0].slots, 3U);
    ledger.take(0);
    ledger.take(1);
    EXPECT_EQ(ledger.sets()[0].slots, 2U);
    EXPECT_EQ(ledger.sets()[1].slots, 0U);
    ledger.take(1);  // a lease without credit changes nothing
    EXPECT_EQ(ledger.sets()[1].slots, 0U);
}

}  // namespace
}  // namespace headrace::link

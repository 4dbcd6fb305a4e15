#include "link/framing.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headrace::link {
namespace {

std::string framed(std::string_view frame) {
    std::string out(kLengthBytes, '\0');
    write_length(out.data(), frame.size());
    return out.append(frame);
}

TEST(FrameSplitter, FindsFramesHoweverTheBytesAreCut) {
    const std::string stream = framed("one") + framed("") + framed(std::string(300, 'x'));
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameSplitter splitter;
        std::vector<std::string> got;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            ASSERT_TRUE(splitter.feed(std::string_view(stream).substr(at, step), [&](auto frame) {
                got.emplace_back(frame);
                return true;
            }));
        }
        ASSERT_EQ(got.size(), 3U) << "step " << step;
        EXPECT_EQ(got[0], "one");
        EXPECT_EQ(got[1], "");
        EXPECT_EQ(got[2], std::string(300, 'x'));
    }
}

TEST(FrameSplitter, RefusesALengthPastTheBoundBeforeItsBytesCome) {
    std::string head(kLengthBytes, '\0');
    write_length(head.data(), kMaxFrame + 1);
    FrameSplitter splitter;
    EXPECT_FALSE(splitter.feed(head, [](auto) { return true; }));
}

TEST(FrameSplitter, StopsWhenTheVisitorSaysSo) {
    FrameSplitter splitter;
    int seen = 0;
    EXPECT_TRUE(splitter.feed(framed("a") + framed("b"), [&](auto) { return ++seen < 1; }));
    EXPECT_EQ(seen, 1);
}

TEST(ForEachFrame, WalksABatch) {
    std::string all;
    for_each_frame(framed("a") + framed("bc"),
                   [&](std::string_view frame) { all.append(frame) += '|'; });
    EXPECT_EQ(all, "a|bc|");
}

}  // namespace
}  // namespace headrace::link

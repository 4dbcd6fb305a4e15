#include "main/commands/print.hpp"

#include <gtest/gtest.h>

#include "main/cli.hpp"
#include "main/commands/job_view.hpp"

namespace headrace::main {
namespace {

TEST(Print, TablesAlignNumbersToTheRightAndCountCharacters) {
    Table table({"name", "n"});
    table.add({"é", "5"});
    table.add({"long name", "123"});
    EXPECT_EQ(table.text("none"), "name         n\né            5\nlong name  123\n");
    EXPECT_EQ(Table({"a"}).text("nothing here"), "nothing here\n");
}

TEST(Print, PeopleReadRoundNumbers) {
    EXPECT_EQ(show_seconds(0.012), "12 ms");
    EXPECT_EQ(show_seconds(2.34), "2.3 s");
    EXPECT_EQ(show_seconds(42.4), "42 s");
    EXPECT_EQ(show_seconds(125), "2 min 5 s");
    EXPECT_EQ(show_seconds(7300), "2 h 1 min");
    EXPECT_EQ(show_bytes(999), "999 B");
    EXPECT_EQ(show_bytes(88'200), "88.2 kB");
    EXPECT_EQ(show_bytes(1'250'000'000), "1.25 GB");
}

TEST(Print, MembersAreFoundByPath) {
    const auto value = parse_json(R"({"a":{"b":[1],"c":null,"d":"x"}})");
    EXPECT_EQ(show(*value, "a.b"), "[1]");
    EXPECT_EQ(show(*parse_json(R"({"n":[0.5,40]})"), "n"), "[0.5,40]");
    EXPECT_EQ(show(*value, "a.c"), "");
    EXPECT_EQ(show(*value, "a.d"), "x");
    EXPECT_EQ(show(*value, "a.d.e"), "");
    EXPECT_EQ(show(*value, "z"), "");
}

TEST(Print, ErrorsGiveTheExitCodeThatFits) {
    EXPECT_EQ(report(Error{ErrorCode::unavailable, "no server", {}, 0}), kUnreachable);
    EXPECT_EQ(report(Error{ErrorCode::not_found, "no such job", {}, 0}), kRefused);
    EXPECT_EQ(report(Error{ErrorCode::invalid_argument, "bad", {{"input.x", "required", ""}}, 0}),
              kRefused);
}

TEST(JobView, TellsPlaceAndFault) {
    const auto queued = parse_json(R"({"queue":{"position":22,"estimate_s":12.3}})");
    EXPECT_EQ(queue_text(*queued), "22nd in line, about 12 s");
    EXPECT_EQ(queue_text(*parse_json(R"({"queue":{"position":11}})")), "11th in line");
    const auto failed =
        parse_json(R"({"error":{"code":"engine_failed","message":"no","reason":"dead"}})");
    EXPECT_EQ(job_error_text(*failed), "engine_failed: no (dead)");
    EXPECT_EQ(job_error_text(*queued), "");
}

TEST(CommandLine, ActionsGiveTheExitCodeAndMistakesAreTwo) {
    std::string value;
    const auto run = [&](std::vector<std::string> arguments) {
        CommandLine line("p", "doc");
        auto root = line.root();
        root.needs_command();
        auto command = root.command("go", "goes");
        command.option("--value", value, "a value").choices({"a", "b"});
        command.action([] { return 7; });
        return line.parse(std::move(arguments)).value_or(-1);
    };
    EXPECT_EQ(run({"go", "--value", "b"}), 7);
    EXPECT_EQ(value, "b");
    EXPECT_EQ(run({"go", "--value", "c"}), 2);
    EXPECT_EQ(run({"fly"}), 2);
    EXPECT_EQ(run({}), 2);
    EXPECT_EQ(run({"--help"}), 0);
}

TEST(CommandLine, DescribesItsTree) {
    CommandLine line("p", "doc");
    auto command = line.root().command("go", "goes");
    std::string value;
    command.option("-v,--value", value, "a value").choices({"a", "b"});
    command.option("--file", value, "a file").value_name("FILE");
    const auto info = line.describe();
    ASSERT_EQ(info.commands.size(), 1U);
    const auto& options = info.commands[0].options;
    ASSERT_EQ(options.size(), 3U);  // with --help
    EXPECT_EQ(options[1].names, (std::vector<std::string>{"-v", "--value"}));
    EXPECT_EQ(options[1].choices, (std::vector<std::string>{"a", "b"}));
    EXPECT_FALSE(options[1].takes_path);
    EXPECT_TRUE(options[2].takes_path);
}

}  // namespace
}  // namespace headrace::main

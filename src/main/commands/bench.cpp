// headrace bench NAME: what this machine and this capability give, as a caller sees it.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "http/url.hpp"
#include "main/commands/bench_load.hpp"
#include "main/commands/bench_report.hpp"
#include "main/commands/capability_command.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

constexpr std::int64_t kMostCallers = 10'000;

struct BenchOptions {
    Connection connection;
    std::vector<std::string> rest;
    std::optional<std::int64_t> callers;
    std::optional<std::int64_t> calls;
    std::optional<double> duration;
    std::optional<double> rate;
    bool durable = false;
    bool stream = false;
};

void add_bench_options(Command& command, BenchOptions& options) {
    add_connection(command, options.connection);
    command.option("-c,--callers", options.callers, "callers at the same time; 1 without this")
        .value_name("N");
    command.option("--duration", options.duration, "seconds in which calls are begun; 10 without")
        .value_name("S");
    command.option("-n,--calls", options.calls, "so many calls, in place of a duration")
        .value_name("N");
    command
        .option("--rate", options.rate,
                "calls a second in all, due at fixed times: the wait of a late one counts")
        .value_name("R");
    command.flag("--durable", options.durable, "measure until the job is on disk (202)");
    command.flag("--stream", options.stream, "read the event stream; also the first output's time");
}

Result<void> check(const BenchOptions& options) {
    const auto wrong = [](const char* text) { return fail(ErrorCode::invalid_argument, text); };
    if (options.durable && options.stream) return wrong("give --durable or --stream, not both");
    if (options.calls && options.duration) return wrong("give --calls or --duration, not both");
    if (options.callers && (*options.callers < 1 || *options.callers > kMostCallers))
        return wrong("--callers is from 1 to 10000");
    if (options.calls && *options.calls < 1) return wrong("--calls is at least 1");
    if (options.duration && !(*options.duration > 0 && *options.duration <= 86'400))
        return wrong("--duration is above 0 and at most 86400");
    if (options.rate && !(*options.rate > 0 && *options.rate <= 1e6))
        return wrong("--rate is above 0 and at most 1000000");
    return {};
}

Result<BenchPlan> plan_of(Api& api, const std::string& name, const CallFlags& flags,
                          const BenchOptions& options) {
    auto input = flags.input(api);
    if (!input) return fail(std::move(input.error()));
    auto url = http::Url::parse(api.url("/jobs"));
    if (!url) return fail(std::move(url.error()));
    BenchPlan plan;
    plan.url = std::move(*url);
    json::object body;
    body["capability"] = name;
    body["input"] = std::move(*input);
    plan.body = json::serialize(body);
    plan.mode = options.durable  ? BenchMode::durable
                : options.stream ? BenchMode::stream
                                 : BenchMode::wait;
    plan.headers.add("Content-Type", "application/json");
    if (!api.key().empty())
        plan.headers.add("Authorization", "Bearer " + std::string(api.key().reveal()));
    if (plan.mode == BenchMode::wait) plan.headers.add("Prefer", "wait=60");
    plan.headers.add("Accept",
                     plan.mode == BenchMode::stream ? "text/event-stream" : "application/json");
    plan.client.tls.ca_file = api.ca_file();
    plan.callers = static_cast<std::size_t>(options.callers.value_or(1));
    plan.calls = static_cast<std::uint64_t>(options.calls.value_or(0));
    if (options.duration) plan.time = std::chrono::duration<double>(*options.duration);
    plan.rate = options.rate.value_or(0);
    return plan;
}

int bench(Api& api, const std::string& name, const catalog::Interface& interface,
          const CallFlags& flags, const BenchOptions& options) {
    if (const auto fine = check(options); !fine) return report_misuse(fine.error());
    if (interface.mode == catalog::Mode::stream) {
        print_error(fmt::format("headrace: {} is a session; bench measures calls", name));
        return kUsage;
    }
    auto plan = plan_of(api, name, flags, options);
    if (!plan) return report_input(plan.error());
    const BenchLoad load(*plan);
    if (const auto tried = load.try_one(); !tried) return report(tried.error());

    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const auto result = load.run([&](const BenchResult& so_far) {
        if (!terminal) return;
        std::fprintf(stderr, "\r\x1b[K%s", bench_progress(*plan, so_far).c_str());
        std::fflush(stderr);
    });
    if (terminal) std::fprintf(stderr, "\r\x1b[K");
    print(options.connection.json() ? pretty_json(bench_json(name, *plan, result))
                                    : bench_text(name, *plan, result));
    return result.failed == 0 && result.good > 0 ? kOk : kFailed;
}

int run(const BenchOptions& before) {
    BenchOptions options = before;
    CapabilityCommand command;
    command.verb = "bench";
    command.add_options = [&options](Command& root) { add_bench_options(root, options); };
    command.run = [&options](Api& api, const std::string& name, const catalog::Interface& interface,
                             const CallFlags& flags) {
        return bench(api, name, interface, flags, options);
    };
    return run_on_capability(command, options.connection, before.rest);
}

}  // namespace

void add_bench(Command& root) {
    const auto options = std::make_shared<BenchOptions>();
    auto command = root.command(
        "bench", "measure a capability under load: headrace bench echo --text hi -c 16");
    add_bench_options(command, *options);
    command.rest(options->rest);
    command.action([options] { return run(*options); });
    command.footer("headrace bench NAME --help shows the inputs of that capability as well.");
}

}  // namespace headrace::main

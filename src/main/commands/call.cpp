// headrace call NAME: the flags are those of the capability's interface, fetched from the server.
#include <memory>

#include <fmt/format.h>

#include "catalog/interface.hpp"
#include "http/message.hpp"
#include "main/commands/api.hpp"
#include "main/commands/call_flags.hpp"
#include "main/commands/call_session.hpp"
#include "main/commands/capability_command.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/follow.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct CallOptions {
    Connection connection;
    std::vector<std::string> rest;
    std::string output;
    std::optional<std::int64_t> priority;
    std::optional<double> timeout;
    std::optional<double> ttl;
    bool detach = false;
};

void add_call_options(Command& command, CallOptions& options) {
    add_connection(command, options.connection);
    command.option("--output", options.output, "where to save a media output, or name=FILE")
        .value_name("FILE");
    command.flag("--detach", options.detach, "do not wait: print the job's id");
    command.option("--priority", options.priority, "0 to 9, higher first").value_name("N");
    command.option("--timeout", options.timeout, "seconds that one attempt may run")
        .value_name("S");
    command.option("--ttl", options.ttl, "seconds that the job may wait in the queue")
        .value_name("S");
}

json::object job_body(const std::string& name, json::object input, const CallOptions& options) {
    json::object body;
    body["capability"] = name;
    body["input"] = std::move(input);
    if (options.priority) body["priority"] = *options.priority;
    if (options.timeout) body["timeout"] = *options.timeout;
    if (options.ttl) body["ttl"] = *options.ttl;
    return body;
}

int call_session(Api& api, const std::string& name, const catalog::Interface& interface,
                 const CallFlags& flags, const CallOptions& options) {
    SessionCall session;
    session.capability = name;
    session.save_to = options.output;
    for (const auto& field : interface.inputs) {
        if (catalog::is_media(field.kind) && !session.media) session.media = &field;
        if (field.kind == catalog::Kind::text && !session.text) session.text = &field;
    }
    if (session.media) {
        session.text = nullptr;
        session.media_file = flags.text_of(*session.media);
        if (session.media_file.empty()) {
            print_error(
                fmt::format("headrace: {} is a session: give --{} FILE, or - for standard input",
                            name, session.media->name));
            return kUsage;
        }
    } else if (session.text) {
        session.text_value = flags.text_of(*session.text);
    }
    auto parameters = flags.input(api, session.media ? session.media : session.text);
    if (!parameters) return report_input(parameters.error());
    session.parameters = std::move(*parameters);
    return run_session(api, session, options.connection.json());
}

int call_job(Api& api, const std::string& name, const catalog::Interface& interface,
             const CallFlags& flags, const CallOptions& options) {
    auto input = flags.input(api);
    if (!input) return report_input(input.error());
    const json::value body = job_body(name, std::move(*input), options);
    if (options.detach) {
        const auto job = api.post("/jobs", body);
        if (!job) return report(job.error());
        print(options.connection.json() ? pretty_json(*job) : show(*job, "id") + "\n");
        return kOk;
    }
    bool streams = false;
    std::set<std::string> replaced;
    for (const auto& field : interface.outputs) {
        streams = streams || field.streaming != catalog::Streaming::none;
        if (field.streaming == catalog::Streaming::replace) replaced.insert(field.name);
    }
    Follow follow(api, options.connection.json(), options.output, std::move(replaced));
    return follow.submit(body, streams);
}

int call(const CallOptions& before) {
    CallOptions options = before;
    CapabilityCommand command;
    command.verb = "call";
    command.add_options = [&options](Command& root) { add_call_options(root, options); };
    command.run = [&options](Api& api, const std::string& name, const catalog::Interface& interface,
                             const CallFlags& flags) {
        return interface.mode == catalog::Mode::stream
                   ? call_session(api, name, interface, flags, options)
                   : call_job(api, name, interface, flags, options);
    };
    return run_on_capability(command, options.connection, before.rest);
}

}  // namespace

void add_call(Command& root) {
    const auto options = std::make_shared<CallOptions>();
    auto command = root.command("call", "run a capability: headrace call ocr --image a.png");
    add_call_options(command, *options);
    command.rest(options->rest);
    command.action([options] { return call(*options); });
    command.footer("headrace call NAME --help shows the flags of that capability.");
}

}  // namespace headrace::main

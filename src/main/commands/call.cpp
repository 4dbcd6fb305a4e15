// headrace call NAME: the flags are those of the capability's interface, fetched from the server.
#include <memory>

#include <fmt/format.h>

#include "catalog/interface.hpp"
#include "http/message.hpp"
#include "main/commands/api.hpp"
#include "main/commands/call_flags.hpp"
#include "main/commands/call_session.hpp"
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

Result<catalog::Interface> fetch_interface(Api& api, const std::string& name, std::string& doc) {
    const auto capability = api.get("/capabilities/" + http::percent_encode(name));
    if (!capability) {
        auto error = capability.error();
        if (error.code == ErrorCode::not_found) error.message = name + ": " + error.message;
        return fail(std::move(error));
    }
    doc = show(*capability, "title");
    if (const auto more = show(*capability, "description"); !more.empty()) {
        doc += (doc.empty() ? "" : ": ") + more;
    }
    const auto* interface = member(*capability, "interface");
    if (!interface || !interface->is_object()) {
        return fail(ErrorCode::internal, "the server's answer has no interface");
    }
    return catalog::interface_from_json(interface->get_object());
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

/// A flag's own fault, or what the server said to an upload.
int report_input(const Error& error) {
    const bool ours = error.code == ErrorCode::invalid_argument && error.violations.empty();
    return ours ? report_misuse(error) : report(error);
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
    if (options.rest.empty() || options.rest.front().starts_with("-")) {
        print_error(
            "headrace: name a capability: headrace call NAME; headrace capabilities lists them");
        return kUsage;
    }
    const std::string name = options.rest.front();
    const std::vector<std::string> arguments(options.rest.begin() + 1, options.rest.end());
    {
        // Where the server is must be known before the interface can tell the other flags.
        CommandLine known("headrace call", "");
        auto root = known.root();
        add_connection(root, options.connection);
        known.parse_known(arguments);
    }
    auto api = Api::open(options.connection);
    if (!api) return report_misuse(api.error());
    std::string doc;
    const auto interface = fetch_interface(*api, name, doc);
    if (!interface) return report(interface.error());

    CommandLine line("headrace call " + name, doc);
    auto root = line.root();
    add_call_options(root, options);
    const CallFlags flags(*interface, root);
    if (const auto code = line.parse(arguments)) return *code;
    return interface->mode == catalog::Mode::stream
               ? call_session(*api, name, *interface, flags, options)
               : call_job(*api, name, *interface, flags, options);
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

// headrace upstreams list|show|add|set|test|remove
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "http/message.hpp"
#include "main/commands/administration.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace headrace::main {
namespace {

struct UpstreamsOptions {
    Connection connection;
    std::string name;
    std::string tenant;
    std::string kind;
    std::string url;
    std::string api_key_file;
    std::string ca_file;
    std::optional<std::string> server_name;
    std::vector<std::string> models;
    std::string profile;
    std::optional<double> weight;
    std::optional<std::int64_t> priority;
    std::optional<std::int64_t> concurrency;
    std::optional<double> probe_every;
    std::optional<std::int64_t> failures;
    std::vector<std::string> timeouts;
    std::string header_file;
    std::vector<std::string> options;
    std::optional<bool> enabled;
    std::optional<bool> allow_private;
};

std::string path_of(const UpstreamsOptions& options, std::string_view rest = {}) {
    std::string path = "/upstreams/" + http::percent_encode(options.name);
    path += rest;
    if (!options.tenant.empty()) path += "?tenant=" + http::percent_encode(options.tenant);
    return path;
}

/// "id", or "id=remote name".
json::value model_of(const std::string& text, const std::string& profile) {
    json::object model;
    const auto equals = text.find('=');
    model["id"] = text.substr(0, equals);
    if (equals != std::string::npos) model["remote"] = text.substr(equals + 1);
    if (!profile.empty()) model["profile"] = profile;
    return model;
}

/// "NAME=VALUE" into NAME and VALUE; the option is named where there is no NAME or no '='.
Result<std::pair<std::string, std::string>> pair_of(const std::string& text, const char* option) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} takes NAME=VALUE, not {}", option, text));
    }
    return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<json::object> timeouts_of(const std::vector<std::string>& texts) {
    json::object out;
    for (const auto& text : texts) {
        const auto pair = pair_of(text, "--timeout");
        if (!pair) return fail(pair.error());
        double seconds = 0;
        const auto* end = pair->second.data() + pair->second.size();
        const auto read = std::from_chars(pair->second.data(), end, seconds);
        if (read.ec != std::errc() || read.ptr != end) {
            return fail(ErrorCode::invalid_argument,
                        "--timeout takes seconds behind the '=', not " + pair->second);
        }
        out[pair->first] = seconds;
    }
    return out;
}

/// Lines of "Name: value", in a file because values may be secrets.
Result<json::object> headers_of(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail(ErrorCode::invalid_argument, "--header-file: cannot read " + path);
    json::object out;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (line.empty()) continue;
        const auto colon = line.find(':');
        if (colon == 0 || colon == std::string::npos) {
            return fail(ErrorCode::invalid_argument,
                        "--header-file: a line of it is not of the form Name: value");
        }
        const auto begin = std::min(line.find_first_not_of(' ', colon + 1), line.size());
        out[line.substr(0, colon)] = line.substr(begin);
    }
    return out;
}

/// How it is called, beyond its address and its key.
Result<void> add_call_settings(json::object& body, const UpstreamsOptions& options) {
    if (!options.timeouts.empty()) {
        auto timeouts = timeouts_of(options.timeouts);
        if (!timeouts) return fail(std::move(timeouts).error());
        body["timeouts"] = std::move(*timeouts);
    }
    if (!options.header_file.empty()) {
        auto headers = headers_of(options.header_file);
        if (!headers) return fail(std::move(headers).error());
        body["headers"] = std::move(*headers);
    }
    if (!options.options.empty()) {
        json::object named;
        for (const auto& text : options.options) {
            auto pair = pair_of(text, "--option");
            if (!pair) return fail(std::move(pair).error());
            named[pair->first] = pair->second;
        }
        body["options"] = std::move(named);
    }
    return {};
}

Result<json::object> body_of(const UpstreamsOptions& options) {
    json::object body;
    if (!options.kind.empty()) body["kind"] = options.kind;
    if (!options.url.empty()) body["base_url"] = options.url;
    if (!options.models.empty()) {
        json::array models;
        for (const auto& text : options.models) models.push_back(model_of(text, options.profile));
        body["models"] = std::move(models);
    }
    if (options.weight) body["weight"] = *options.weight;
    if (options.priority) body["priority"] = *options.priority;
    if (options.concurrency) body["concurrency"] = *options.concurrency;
    if (options.probe_every) body["probe_every"] = *options.probe_every;
    if (options.failures) body["failures"] = *options.failures;
    if (auto sound = add_call_settings(body, options); !sound) return fail(sound.error());
    if (options.enabled) body["enabled"] = *options.enabled;
    if (options.allow_private) body["allow_private"] = *options.allow_private;
    if (!options.api_key_file.empty()) {
        auto key = read_key_file(options.api_key_file);
        if (!key) return fail(std::move(key).error());
        body["key"] = std::string(key->reveal());
    }
    if (!options.ca_file.empty()) {
        std::ifstream file(options.ca_file);
        std::string ca(std::istreambuf_iterator<char>(file), {});
        if (!file || ca.empty()) {
            return fail(ErrorCode::invalid_argument,
                        "--upstream-ca-file: cannot read " + options.ca_file);
        }
        body["ca"] = std::move(ca);
    }
    if (options.server_name) body["server_name"] = *options.server_name;
    return body;
}

int print_one(const Connection& connection, const json::value& upstream, const std::string& done) {
    if (connection.json())
        print(pretty_json(upstream));
    else
        print(done + "\n");
    return kOk;
}

int add(const UpstreamsOptions& options) {
    auto body = body_of(options);
    if (!body) return report_misuse(body.error());
    (*body)["name"] = options.name;
    if (!options.tenant.empty()) (*body)["tenant"] = options.tenant;
    if (options.models.empty()) (*body)["models"] = json::array();
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post("/upstreams", json::value(std::move(*body)));
    if (!reply) return report(reply.error());
    return print_one(options.connection, *reply,
                     "added; headrace upstreams test " + options.name + " asks it how it is");
}

int set(const UpstreamsOptions& options) {
    auto body = body_of(options);
    if (!body) return report_misuse(body.error());
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->send("PATCH", path_of(options), json::value(std::move(*body)));
    if (!reply) return report(reply.error());
    return print_one(options.connection, reply->body, "changed");
}

int show_one(const UpstreamsOptions& options) {
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->get(path_of(options));
    if (!reply) return report(reply.error());
    print(pretty_json(*reply));
    return kOk;
}

int test(const UpstreamsOptions& options) {
    auto api = Api::open(options.connection, true);
    if (!api) return report_misuse(api.error());
    const auto reply = api->post(path_of(options, "/test"));
    if (!reply) return report(reply.error());
    const bool ok = show(*reply, "ok") == "true";
    if (options.connection.json()) {
        print(pretty_json(*reply));
    } else if (ok) {
        print("it answers, after " + show(*reply, "took_ms") +
              " ms; models: " + texts_at("models")(*reply) + "\n");
    } else {
        print_error("it does not answer: " + show(*reply, "message"));
    }
    return ok ? kOk : kFailed;
}

void add_settings(Command& command, const std::shared_ptr<UpstreamsOptions>& options) {
    command.option("--url", options->url, "base address, such as http://10.0.0.7:8000/v1")
        .value_name("URL");
    command
        .option("--api-key-file", options->api_key_file,
                "file with the key that the server wants; kept sealed")
        .value_name("FILE");
    command
        .option("--upstream-ca-file", options->ca_file,
                "certificates (PEM) that its own must be from, in place of the system's")
        .value_name("FILE");
    command
        .option("--server-name", options->server_name,
                "name that its certificate is for, where that is not the address's")
        .value_name("NAME");
    command
        .option("--model", options->models,
                "model it offers: ID, or ID=NAME where the server calls it NAME; repeat for more")
        .value_name("ID[=NAME]");
    command.option("--profile", options->profile, "what these models are")
        .choices({"chat", "embed", "rerank", "transcribe", "speak"});
    command.option("--weight", options->weight, "share of the calls beside others").value_name("W");
    command.option("--priority", options->priority, "the lowest that has room is used")
        .value_name("N");
    command.option("--concurrency", options->concurrency, "calls at a time").value_name("N");
    command.option("--probe-every", options->probe_every, "seconds between probes; 0 = none")
        .value_name("S");
    command.option("--failures", options->failures, "calls failed in a row that open its circuit")
        .value_name("N");
    command
        .option("--timeout", options->timeouts,
                "connect=, first_byte=, between= or total= seconds; repeat for more")
        .value_name("PHASE=S");
    command
        .option("--header-file", options->header_file,
                "more request header fields, all of them: lines of Name: value, kept sealed; the "
                "value *** leaves what is set")
        .value_name("FILE");
    command
        .option("--option", options->options,
                "of its kind, such as conv_template=vicuna_v1.1, all of them; repeat for more")
        .value_name("NAME=VALUE");
    command.flag("--enabled,!--disabled", options->enabled, "whether it gets calls");
    command.flag("--allow-private,!--public-only", options->allow_private,
                 "whether its address may lie in a private network");
}

}  // namespace

void add_upstreams(Command& root) {
    auto group = root.command("upstreams", "servers that are dialled for models");
    group.needs_command();
    const auto options = std::make_shared<UpstreamsOptions>();
    const auto one = [&](const char* name, const char* doc) {
        auto command = group.command(name, doc);
        add_connection(command, options->connection, true);
        command.option("name", options->name, "name of the upstream").required().value_name("NAME");
        command.option("--tenant", options->tenant, "whose it is; yours when absent")
            .value_name("TENANT");
        return command;
    };

    auto list = group.command("list", "upstreams and how they are");
    add_connection(list, options->connection, true);
    list.action([options] {
        const auto models = [](const json::value& upstream) {
            const auto* all = member(upstream, "models");
            const auto* array = all ? all->if_array() : nullptr;
            if (!array || array->empty()) return std::string();
            const std::string first = show(array->front(), "id");
            return array->size() == 1 ? first : first + " +" + std::to_string(array->size() - 1);
        };
        return print_list(options->connection, "/upstreams", "upstreams",
                          {{"name", "name"},
                           {"tenant", "tenant"},
                           {"kind", "kind"},
                           {"address", "base_url"},
                           {"models", "", models},
                           {"state", "health.state"},
                           {"in flight", "health.in_flight"},
                           {"calls", "health.calls"},
                           {"failures", "health.failures"},
                           {"reason", "health.reason"}},
                          "no upstreams; headrace upstreams add NAME --url URL --model ID");
    });

    auto show_command = one("show", "one upstream with all its settings, but for its key");
    show_command.action([options] { return show_one(*options); });

    auto add_command = one("add", "add a server that is dialled for models");
    add_command.option("--kind", options->kind, "protocol it speaks")
        .choices({"openai", "fastchat"});
    add_settings(add_command, options);
    add_command.action([options] { return add(*options); });

    auto set_command = one("set", "change what is named; the rest stays");
    add_settings(set_command, options);
    set_command.action([options] { return set(*options); });

    auto test_command = one("test", "ask the server now how it is");
    test_command.action([options] { return test(*options); });

    auto remove = one("remove", "dial it no more; calls under way go on");
    remove.action(
        [options] { return act_on(options->connection, "DELETE", path_of(*options), "removed"); });
}

}  // namespace headrace::main

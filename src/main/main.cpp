// The program: its commands, and what it ends with.
#include <csignal>
#include <exception>

#include "base/out_of_memory.hpp"
#include "main/cli.hpp"
#include "main/commands/commands.hpp"
#include "main/commands/print.hpp"

namespace {

int run(int argc, char** argv) {
    using namespace headrace::main;
    // A closed pipe or peer shows as an error of the write.
    std::signal(SIGPIPE, SIG_IGN);
    CommandLine line("headrace", "Turns models and inference engines into AI capabilities.");
    auto root = line.root();
    root.needs_command();
    add_serve(root);
    add_worker(root);
    add_call(root);
    add_bench(root);
    add_jobs(root);
    add_capabilities(root);
    add_workers(root);
    add_upstreams(root);
    add_keys(root);
    add_accounts(root);
    add_usage(root);
    add_requests(root);
    add_queues(root);
    add_dead_letters(root);
    add_engine(root);
    add_backup(root);
    add_migrate(root);
    add_config(root);
    add_doctor(root);
    add_console(root);
    add_completion(root, line);
    add_manual(root, line);
    add_version(root);
    root.footer(
        "Ends with 0: done; 1: a job did not succeed, or a check found something; 2: wrong "
        "arguments or settings;\n3: the server refused; 4: no server, or it has trouble.");
    return line.run(argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
    headrace::end_when_out_of_memory();
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        headrace::main::print_error(std::string("headrace: ") + error.what());
        return headrace::main::kUnreachable;
    }
}

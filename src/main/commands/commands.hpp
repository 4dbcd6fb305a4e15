#pragma once

#include "main/cli.hpp"

/// One function per command group: adds the group's commands, options and actions.
namespace headrace::main {

void add_serve(Command& root);
void add_worker(Command& root);
void add_call(Command& root);
void add_bench(Command& root);
void add_jobs(Command& root);
void add_capabilities(Command& root);
void add_workers(Command& root);
void add_upstreams(Command& root);
void add_keys(Command& root);
void add_accounts(Command& root);
void add_usage(Command& root);
void add_requests(Command& root);
void add_queues(Command& root);
void add_dead_letters(Command& root);
void add_engine(Command& root);
void add_backup(Command& root);
void add_migrate(Command& root);
void add_config(Command& root);
void add_doctor(Command& root);
void add_console(Command& root);
/// Completion needs the whole tree: `line` must outlive the action.
void add_completion(Command& root, const CommandLine& line);
/// The manual is written from the whole tree, too.
void add_manual(Command& root, const CommandLine& line);
void add_version(Command& root);

}  // namespace headrace::main

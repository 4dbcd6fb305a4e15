#include "postgres_server.hpp"

#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>
#include <vector>

namespace headrace::stores {
namespace {

const std::string kPrograms = "/usr/lib/postgresql/15/bin/";

/// PostgreSQL does not run as root: then it runs as the user of its package.
const passwd* server_user() {
    if (::geteuid() != 0) return nullptr;
    const passwd* const user = ::getpwnam("postgres");
    if (user == nullptr) throw std::runtime_error("install postgresql-15 for these tests");
    return user;
}

pid_t start(const std::vector<std::string>& words, const passwd* user) {
    std::vector<char*> arguments;
    for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 ||
                            ::setuid(user->pw_uid) != 0 || ::chdir("/") != 0)) {
        ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    if (::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

}  // namespace

PostgresServer& PostgresServer::get() {
    static PostgresServer server;
    return server;
}

PostgresServer::PostgresServer() {
    const passwd* const user = server_user();
    char name[] = "/tmp/headrace_pg_XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    if (user != nullptr && ::chown(name, user->pw_uid, user->pw_gid) != 0)
        throw std::runtime_error("chown failed");
    const std::string data = folder_ + "/data";
    int status = 0;
    const pid_t made = start({kPrograms + "initdb", "-A", "trust", "-N", "-U", "headrace",
                              "--no-locale", "-E", "UTF8", "-D", data},
                             user);
    if (::waitpid(made, &status, 0) != made || status != 0)
        throw std::runtime_error("initdb failed: install postgresql-15 for these tests");
    pid_ =
        start({kPrograms + "postgres", "-D", data, "-k", folder_, "-c", "listen_addresses=", "-c",
               "fsync=off", "-c", "full_page_writes=off", "-c", "log_min_messages=panic", "-c",
               "max_connections=60", "-c", "shared_buffers=32MB"},
              user);
    for (int tries = 0; tries < 1200; ++tries) {
        try {
            run("SELECT 1");
            return;
        } catch (const std::exception&) {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
    }
    throw std::runtime_error("PostgreSQL did not start");
}

PostgresServer::~PostgresServer() {
    ::kill(pid_, SIGQUIT);
    ::waitpid(pid_, nullptr, 0);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

std::string PostgresServer::ask(const std::string& sql) {
    const std::string url = "host=" + folder_ + " user=headrace dbname=postgres";
    PGconn* const connection = PQconnectdb(url.c_str());
    PGresult* const result = PQexec(connection, sql.c_str());
    const auto status = PQresultStatus(result);
    const std::string message = PQerrorMessage(connection);
    std::string out;
    for (int row = 0; row < PQntuples(result); ++row)
        out += std::string(PQgetvalue(result, row, 0)) + '\n';
    PQclear(result);
    PQfinish(connection);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        throw std::runtime_error("PostgreSQL: " + message);
    return out;
}

void PostgresServer::run(const std::string& sql) {
    ask(sql);
}

std::string PostgresServer::explain(const std::string& schema, const std::string& sql,
                                    const std::string& parameters) {
    return ask("SET search_path = " + schema + "; SET plan_cache_mode = force_generic_plan; " +
               "PREPARE q AS " + sql + "; EXPLAIN EXECUTE q(" + parameters + ")");
}

std::string PostgresServer::make_schema() {
    const std::string schema = "s" + std::to_string(++schemas_);
    run("CREATE SCHEMA " + schema);
    return "host=" + folder_ + " user=headrace dbname=postgres options=-csearch_path=" + schema;
}

void PostgresServer::drop_connections() {
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name LIKE 'headrace %'");
}

}  // namespace headrace::stores

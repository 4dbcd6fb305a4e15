#include "stores/postgres/connection.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <fmt/format.h>

namespace headrace::stores {
namespace {

// Beyond the server's own limit on a statement: then it is not slow, it is gone.
constexpr std::chrono::seconds kGrace{5};
constexpr int kRetryAfter = 2;

std::string first_line(const char* text) {
    std::string_view line = text == nullptr ? "" : text;
    return std::string(line.substr(0, line.find('\n')));
}

std::string session_options(const std::string& own, PgRole role,
                            std::chrono::milliseconds statement_timeout) {
    std::string out = fmt::format("{} -c statement_timeout={}", own, statement_timeout.count());
    if (role == PgRole::writer) {
        out +=
            " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off"
            " -c enable_mergejoin=off";
    }
    return out;
}

/// The parts of a connection string; empty when it is none.
class ParsedUrl {
  public:
    explicit ParsedUrl(const std::string& url)
        : options_(PQconninfoParse(url.c_str(), &problem_)) {}
    ~ParsedUrl() {
        PQconninfoFree(options_);
        // Not shown: libpq's message repeats a part of the text, which may hold a password.
        PQfreemem(problem_);
    }
    ParsedUrl(const ParsedUrl&) = delete;
    ParsedUrl& operator=(const ParsedUrl&) = delete;

    explicit operator bool() const { return options_ != nullptr; }
    [[nodiscard]] std::string value(std::string_view name) const {
        for (const auto* option = options_; option != nullptr && option->keyword != nullptr;
             ++option) {
            if (option->keyword == name && option->val != nullptr) return option->val;
        }
        return {};
    }

  private:
    char* problem_ = nullptr;
    PQconninfoOption* options_;
};

const char* application_of(PgRole role) {
    switch (role) {
        case PgRole::writer:
            return "headrace commit";
        case PgRole::reader:
            return "headrace read";
        case PgRole::listener:
            return "headrace node";
    }
    return "headrace";
}

Error refused(pg_conn* connection) {
    // libpq gives no SQLSTATE for a refused connection; a server that answered is no network fault.
    const std::string text = first_line(PQerrorMessage(connection));
    const bool asked = PQconnectionNeedsPassword(connection) == 1 ||
                       PQconnectionUsedPassword(connection) == 1 ||
                       text.find("authentication failed") != std::string::npos ||
                       text.find("does not exist") != std::string::npos;
    return {asked ? ErrorCode::invalid_argument : ErrorCode::unavailable, text, {}, kRetryAfter};
}

}  // namespace

void PgRows::Clear::operator()(pg_result* result) const {
    PQclear(result);
}
int PgRows::size() const {
    return PQntuples(result_.get());
}
std::string_view PgRows::bytes(int row, int column) const {
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}
bool PgRows::is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) == 1;
}
std::int64_t PgRows::changed() const {
    return std::strtoll(PQcmdTuples(result_.get()), nullptr, 10);
}

void PgConnection::Finish::operator()(pg_conn* connection) const {
    PQfinish(connection);
}

Result<PgConnection> PgConnection::open(const PostgresSettings& settings, PgRole role) {
    const auto seconds = std::max<std::int64_t>(2, settings.connect_timeout.count() / 1000);
    const std::string timeout = std::to_string(seconds);
    const std::string options =
        session_options(ParsedUrl(settings.url).value("options"), role, settings.statement_timeout);
    const char* const keys[] = {"dbname",
                                "connect_timeout",
                                "options",
                                "application_name",
                                "client_encoding",
                                "target_session_attrs",
                                "keepalives_idle",
                                "keepalives_interval",
                                "keepalives_count",
                                "tcp_user_timeout",
                                settings.password.empty() ? nullptr : "password",
                                nullptr};
    const char* const values[] = {settings.url.c_str(),
                                  timeout.c_str(),
                                  options.c_str(),
                                  application_of(role),
                                  "UTF8",
                                  "read-write",
                                  "10",
                                  "5",
                                  "3",
                                  "20000",
                                  settings.password.c_str(),
                                  nullptr};
    PgConnection out(PQconnectdbParams(keys, values, 1), settings.statement_timeout + kGrace);
    pg_conn* const raw = out.connection_.get();
    if (raw == nullptr) return fail(ErrorCode::internal, "libpq is out of memory");
    if (PQstatus(raw) != CONNECTION_OK) return fail(refused(raw));
    PQsetErrorVerbosity(raw, PQERRORS_TERSE);
    PQsetNoticeProcessor(
        raw, [](void*, const char*) {}, nullptr);
    PQsetnonblocking(raw, 1);
    return out;
}

Error PgConnection::lose(const std::string& why) {
    connection_.reset();
    prepared_.clear();
    return {
        ErrorCode::unavailable, "the connection to PostgreSQL is lost: " + why, {}, kRetryAfter};
}

bool PgConnection::await(short events, Deadline deadline) {
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd entry{PQsocket(connection_.get()), events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(left.count()));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

bool PgConnection::flush(Deadline deadline) {
    for (;;) {
        const int left = PQflush(connection_.get());
        if (left == 0) return true;
        if (left < 0 || !await(POLLIN | POLLOUT, deadline)) return false;
        if (PQconsumeInput(connection_.get()) == 0) return false;
    }
}

pg_result* PgConnection::next(Deadline deadline, bool& broken) {
    while (PQisBusy(connection_.get()) == 1) {
        if (!await(POLLIN, deadline) || PQconsumeInput(connection_.get()) == 0) {
            broken = true;
            return nullptr;
        }
    }
    pg_result* const result = PQgetResult(connection_.get());
    if (PQstatus(connection_.get()) == CONNECTION_BAD) broken = true;
    return result;
}

/// The first error counts: what follows it is its echo.
void PgConnection::note(const pg_result* result, Error& error) {
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_FATAL_ERROR || !error.message.empty()) return;
    const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    sqlstate_ = state == nullptr ? "" : state;
    const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    error = {
        ErrorCode::unavailable,
        "PostgreSQL: " + first_line(message == nullptr ? PQresultErrorMessage(result) : message),
        {},
        kRetryAfter};
}

Result<void> PgConnection::execute(Sql text) {
    if (lost()) return fail(ErrorCode::unavailable, "there is no connection to PostgreSQL");
    const auto deadline = std::chrono::steady_clock::now() + wait_;
    const std::string zero_ended(text.text());
    if (PQsendQuery(connection_.get(), zero_ended.c_str()) == 0 || !flush(deadline)) {
        return fail(lose(first_line(PQerrorMessage(connection_.get()))));
    }
    Error error;
    bool broken = false;
    while (pg_result* const result = next(deadline, broken)) {
        note(result, error);
        PQclear(result);
    }
    if (broken) return fail(lose(error.message.empty() ? "no answer" : error.message));
    if (!error.message.empty()) return fail(std::move(error));
    return {};
}

Result<void> PgConnection::prepare(const PgStatement& statement) {
    const auto deadline = std::chrono::steady_clock::now() + wait_;
    const std::string text(statement.text.text());
    if (PQsendPrepare(connection_.get(), statement.name, text.c_str(), 0, nullptr) == 0 ||
        !flush(deadline)) {
        return fail(lose(first_line(PQerrorMessage(connection_.get()))));
    }
    Error error;
    bool broken = false;
    while (pg_result* const result = next(deadline, broken)) {
        note(result, error);
        PQclear(result);
    }
    if (broken) return fail(lose(error.message.empty() ? "no answer" : error.message));
    if (!error.message.empty()) return fail(std::move(error));
    prepared_.insert(&statement);
    return {};
}

bool PgConnection::send(const PgCall& call) {
    const auto& values = call.parameters.values();
    std::vector<const char*> data;
    std::vector<int> lengths;
    data.reserve(values.size());
    lengths.reserve(values.size());
    for (const std::string& value : values) {
        data.push_back(value.data());
        lengths.push_back(static_cast<int>(value.size()));
    }
    const std::vector<int> formats(values.size(), 1);
    return PQsendQueryPrepared(connection_.get(), call.statement->name,
                               static_cast<int>(values.size()), data.data(), lengths.data(),
                               formats.data(), 1) == 1;
}

Result<std::vector<PgRows>> PgConnection::transact(std::span<const PgCall> calls) {
    if (lost()) {
        return fail(
            Error{ErrorCode::unavailable, "there is no connection to PostgreSQL", {}, kRetryAfter});
    }
    for (const PgCall& call : calls) {
        if (prepared_.contains(call.statement)) continue;
        if (auto ready = prepare(*call.statement); !ready) return fail(ready.error());
    }
    pg_conn* const raw = connection_.get();
    const auto deadline = std::chrono::steady_clock::now() + wait_;
    bool sent = PQenterPipelineMode(raw) == 1;
    for (const PgCall& call : calls) sent = sent && send(call);
    sent = sent && PQpipelineSync(raw) == 1 && flush(deadline);
    if (!sent) return fail(lose(first_line(PQerrorMessage(raw))));

    std::vector<PgRows> out;
    out.reserve(calls.size());
    Error error;
    bool broken = false;
    bool synced = false;
    while (!broken && !synced) {
        pg_result* const result = next(deadline, broken);
        if (result == nullptr) continue;  // between two statements
        PgRows rows(result);
        note(result, error);
        synced = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
        if (!synced) out.push_back(std::move(rows));
    }
    if (broken) return fail(lose(error.message.empty() ? "no answer" : error.message));
    PQexitPipelineMode(raw);
    if (!error.message.empty()) return fail(std::move(error));
    return out;
}

Result<PgRows> PgConnection::call(const PgStatement& statement, PgParameters parameters) {
    PgCall one{&statement, std::move(parameters)};
    auto out = transact({&one, 1});
    if (!out) return fail(out.error());
    return std::move(out->front());
}

int PgConnection::descriptor() const {
    return PQsocket(connection_.get());
}

bool PgConnection::consume() {
    if (PQconsumeInput(connection_.get()) == 1) return true;
    lose("no answer");
    return false;
}

bool PgConnection::next_notification(std::string& channel, std::string& payload) {
    PGnotify* const note = PQnotifies(connection_.get());
    if (note == nullptr) return false;
    channel = note->relname;
    payload = note->extra;
    PQfreemem(note);
    return true;
}

Result<std::string> describe_url(const std::string& url) {
    const ParsedUrl parsed(url);
    if (!parsed) {
        return fail(ErrorCode::invalid_argument,
                    "is no connection string: postgresql://user@host:port/database");
    }
    if (!parsed.value("password").empty()) {
        return fail(ErrorCode::invalid_argument,
                    "holds a password: give it as postgres.password, in a file");
    }
    const std::string port = parsed.value("port");
    return fmt::format("{} on {}:{} as {}", parsed.value("dbname"), parsed.value("host"),
                       port.empty() ? "5432" : port, parsed.value("user"));
}

}  // namespace headrace::stores

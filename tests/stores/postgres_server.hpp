#pragma once

#include <string>

namespace headrace::stores {

/// A PostgreSQL server of this test program: started at the first use, on a Unix socket in a folder
/// of its own, gone with the program.
class PostgresServer {
  public:
    static PostgresServer& get();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    /// Connection string of a new, empty schema.
    std::string make_schema();
    /// Runs SQL; throws when it fails.
    void run(const std::string& sql);
    /// How the server would run a statement, the plan made for whatever parameters come.
    std::string explain(const std::string& schema, const std::string& sql,
                        const std::string& parameters);
    /// Ends every connection of headrace, as a restart of the server would.
    void drop_connections();

  private:
    PostgresServer();
    std::string ask(const std::string& sql);

    std::string folder_;
    int pid_ = -1;
    int schemas_ = 0;
};

}  // namespace headrace::stores

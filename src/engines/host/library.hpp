#pragma once

#include <string>

#include "base/result.hpp"
#include "headrace/engine.h"

namespace headrace::engines::host {

/// A loaded engine: the shared library and what it offers. Unloads on destruction, but leaves the
/// library mapped: its threads or thread-local destructors may still run.
class Library {
  public:
    /// Opens the library, checks its version, and calls load and warm_up. The error says why not.
    static Result<Library> open(const std::string& path, const hr_host& host,
                                const hr_config& config);
    Library(Library&& other) noexcept;
    Library& operator=(Library&&) = delete;
    ~Library();

    /// Runs the batch; an exception that leaves the engine, against its promise, is told as text.
    Result<int> run(hr_job** jobs, std::size_t count);
    void cancel(hr_job* job);

  private:
    Library(const hr_engine* engine, void* state) : engine_(engine), state_(state) {}
    const hr_engine* engine_;
    void* state_;
};

}  // namespace headrace::engines::host

#pragma once

#include <string>

#include "base/json.hpp"
#include "catalog/interface.hpp"
#include "main/commands/api.hpp"

namespace headrace::main {

/// What a session is fed with.
struct SessionCall {
    std::string capability;
    json::object parameters;                    // the first frame
    const catalog::FieldSpec* media = nullptr;  // fed as binary frames from `media_file`
    std::string media_file;                     // "-" for standard input
    const catalog::FieldSpec* text = nullptr;   // fed step by step
    std::string text_value;                     // the one step; empty: one a line of standard input
    std::string save_to;                        // binary outputs; empty: not kept
};

/// Runs one session to its end: feeds frames, prints outputs as they come (one JSON object a line
/// with -o json). Gives the exit code.
int run_session(const Api& api, const SessionCall& call, bool as_json);

/// The samples of a RIFF WAVE file's data chunk, or the whole text when it is no such file.
std::string_view wav_samples(std::string_view file);

}  // namespace headrace::main

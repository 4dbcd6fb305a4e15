#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/values.hpp"
#include "catalog/version.hpp"
#include "jobs/job.hpp"

/// What a batch is, and what becomes of one of its lines. Pure.
namespace headrace::protocols::openai {

/// What was asked for; never changes.
struct BatchFacts {
    std::string id;  // batch_…
    std::int64_t created = 0;
    std::string endpoint;  // "/v1/chat/completions"
    std::string input_file;
    std::string metadata = "null";  // an object, or null
    std::int64_t expires = 0;
};

struct BatchError {
    std::size_t line = 0;  // from 1
    std::string code;
    std::string message;
};

/// How far it is.
struct BatchState {
    /// validating, in_progress, finalizing, completed, failed, expired, cancelling, cancelled.
    std::string status = "validating";
    std::uint64_t total = 0;
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::int64_t begun = 0;
    std::int64_t ended = 0;
    std::string output_file;  // empty: none
    std::string error_file;
    std::vector<BatchError> errors;  // of the input as a whole
};

std::string batch_object(const BatchFacts& facts, const BatchState& state);
/// The texts of the documents that keep them, and back.
std::string facts_text(const BatchFacts& facts);
BatchFacts facts_from(const json::object& tree, std::string id);
std::string state_text(const BatchState& state);
BatchState state_from(const json::object& tree);

bool is_batch_endpoint(std::string_view endpoint);

/// One line of the input.
struct BatchLine {
    std::string custom_id;
    json::object body;
};
Result<BatchLine> read_batch_line(std::string_view text, std::string_view endpoint);
/// Every fault that keeps the whole batch from running, at most 50: broken lines, names used twice,
/// no lines or too many.
std::vector<BatchError> check_batch(const std::vector<std::string_view>& lines,
                                    std::string_view endpoint);
std::vector<std::string_view> lines_of(std::string_view text);

struct LineAnswer {
    int status = 200;
    std::string body;
};

/// The jobs of one line, and how their outputs become its answer.
struct LinePlan {
    std::vector<catalog::Values> inputs;
    std::function<Result<LineAnswer>(std::vector<catalog::Values> outputs,
                                     const std::vector<std::shared_ptr<const jobs::JobRecord>>&)>
        answer;
};
Result<LinePlan> plan_line(std::string_view endpoint, json::object body,
                           const catalog::Version& version, std::int64_t created);

/// A line of the output file, or of the error file where `status` is none of success.
std::string answer_line(std::string_view id, std::string_view custom_id, int status,
                        std::string_view body);

inline constexpr std::size_t kMostLines = 50'000;

}  // namespace headrace::protocols::openai

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "catalog/values.hpp"
#include "upstreams/fastchat_prompt.hpp"
#include "upstreams/fault.hpp"

namespace headrace::upstreams {

/// FastChat's numbers for what went wrong, as the fault of a call. The worker's text stays the
/// message.
CallError worker_error(std::int64_t code, std::string text);

/// Why an answer of this HTTP status is none; nullopt for 200. `retry`: what it says of when to try
/// again, in seconds.
std::optional<CallError> status_error(int status, int retry = 0);

/// What a job asks of a worker's text generation, beside its prompt.
struct Generation {
    double temperature = 0.7;
    double top_p = 1;
    std::int64_t top_k = -1;
    double presence_penalty = 0;
    double frequency_penalty = 0;
    std::optional<double> repetition_penalty;
    std::optional<std::int64_t> max_tokens;
    std::optional<std::int64_t> logprobs;
    std::optional<std::int64_t> seed;
    std::vector<std::string> stop;
    bool echo = false;
    json::object extra;  // members of the worker's own, such as best_of
};

/// Error: Fault::request.
CallResult<Generation> read_generation(const catalog::Values& input);

/// The body of /worker_generate_stream.
std::string generation_body(const Generation& ask, const PromptTemplate& form,
                            std::string_view model, std::string_view prompt,
                            const std::vector<std::string>& images, std::uint64_t max_new_tokens);

/// How many tokens an answer may have, when it can be said without counting the prompt: a token is
/// at least one byte. nullopt: count. `context` 0 = unknown.
std::optional<std::uint64_t> bound_by_bytes(std::size_t prompt_bytes, std::uint64_t context,
                                            std::optional<std::int64_t> max_tokens);
/// By the counted tokens. Error: Fault::request, code context_exceeded.
CallResult<std::uint64_t> bound_by_count(std::uint64_t prompt_tokens, std::uint64_t context,
                                         std::optional<std::int64_t> max_tokens);

/// A worker's log probabilities as the canonical output has them: one entry per token.
std::string canonical_logprobs(const json::object& logprobs);

/// The embeddings of one answer of /worker_get_embeddings, numbers or base64 of them.
struct WorkerEmbeddings {
    std::vector<std::string> rows;  // little-endian float32
    std::optional<std::uint64_t> tokens;
};
CallResult<WorkerEmbeddings> read_embeddings(const json::object& answer, std::size_t asked);

}  // namespace headrace::upstreams

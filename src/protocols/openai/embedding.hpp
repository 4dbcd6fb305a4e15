#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// Bodies and answers of POST /embeddings and /rerank. Pure.
namespace headrace::protocols::openai {

struct EmbeddingInput {
    std::vector<catalog::Values> runs;  // as many texts in each as the model takes at a time
    std::size_t texts = 0;
    bool base64 = false;
};
Result<EmbeddingInput> read_embedding_input(const json::object& body,
                                            const catalog::Validator& validator);

/// Appends one `{"object":"embedding",…}` for each row of the tensor, separated by commas and
/// counted on in `index`. engine_failed when it is no matrix of numbers.
Result<void> append_embeddings(std::string& out, const catalog::Values& outputs, bool base64,
                               std::size_t& index);

/// The whole answer around what append_embeddings() made.
std::string embedding_list(std::string_view data, std::string_view model, std::uint64_t tokens);

struct RerankInput {
    catalog::Values values;
    std::vector<std::string> documents;
    std::size_t top = 0;
    bool with_documents = false;
};
Result<RerankInput> read_rerank_input(const json::object& body,
                                      const catalog::Validator& validator);

/// The whole answer, best first.
Result<std::string> rerank_answer(std::string_view id, std::string_view model,
                                  const RerankInput& input, const catalog::Values& outputs,
                                  std::uint64_t tokens);

inline constexpr std::size_t kMostTexts = 2048;

}  // namespace headrace::protocols::openai

// The least that can be done with libllama for the work that bench/chat.py gives the chat engine:
// the prompts of some sequences, then one batch per token with the most probable token of each.
// Prints the CPU seconds of both, without loading: the figure that the engine is held against.
//
//   llama_bare MODEL BACKENDS TOKENS PROMPT_FILE...
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <ggml-backend.h>
#include <llama.h>

namespace {

double cpu_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::vector<llama_token> tokens_of_file(const llama_vocab* words, const char* path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    std::vector<llama_token> tokens(text.size() + 8);
    const auto count =
        llama_tokenize(words, text.data(), static_cast<std::int32_t>(text.size()), tokens.data(),
                       static_cast<std::int32_t>(tokens.size()), true, true);
    tokens.resize(static_cast<std::size_t>(std::max(count, 0)));
    return tokens;
}

void add(llama_batch& batch, llama_token token, std::size_t position, std::size_t sequence,
         bool row) {
    const auto i = static_cast<std::size_t>(batch.n_tokens++);
    batch.token[i] = token;
    batch.pos[i] = static_cast<llama_pos>(position);
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
    batch.logits[i] = row ? 1 : 0;
}

}  // namespace

int main(int count, char** words) {
    if (count < 5) {
        std::fputs("usage: llama_bare MODEL BACKENDS TOKENS PROMPT_FILE...\n", stderr);
        return 2;
    }
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    ggml_backend_load_all_from_path(words[2]);
    const int tokens = std::atoi(words[3]);
    const std::size_t sequences = static_cast<std::size_t>(count) - 4;
    llama_model* model = llama_model_load_from_file(words[1], llama_model_default_params());
    if (model == nullptr) return 1;
    const llama_vocab* vocabulary = llama_model_get_vocab(model);
    const auto size = static_cast<std::size_t>(llama_vocab_n_tokens(vocabulary));
    // The context of the engine with its four slots, whatever the number of sequences.
    auto params = llama_context_default_params();
    params.n_ctx = 4 * 2048;
    params.n_seq_max = 4;
    params.n_batch = params.n_ubatch = 256;
    params.n_threads = params.n_threads_batch = 1;
    llama_context* context = llama_init_from_model(model, params);
    if (context == nullptr || sequences > 4) return 1;

    llama_batch batch = llama_batch_init(256, 0, 1);
    std::vector<std::size_t> position(sequences);
    std::vector<llama_token> next(sequences);
    const auto take = [&](std::size_t sequence, std::int32_t row) {
        const float* logits = llama_get_logits_ith(context, row);
        next[sequence] = static_cast<llama_token>(std::max_element(logits, logits + size) - logits);
    };
    std::size_t prompt_tokens = 0;
    const double began = cpu_seconds();
    for (std::size_t sequence = 0; sequence < sequences; ++sequence) {
        const auto prompt = tokens_of_file(vocabulary, words[4 + sequence]);
        batch.n_tokens = 0;
        for (std::size_t i = 0; i < prompt.size(); ++i)
            add(batch, prompt[i], i, sequence, i + 1 == prompt.size());
        if (llama_decode(context, batch) != 0) return 1;
        take(sequence, batch.n_tokens - 1);
        position[sequence] = prompt.size();
        prompt_tokens += prompt.size();
    }
    const double prompted = cpu_seconds();
    // The first token of each came with its prompt.
    for (int step = 1; step < tokens; ++step) {
        batch.n_tokens = 0;
        for (std::size_t sequence = 0; sequence < sequences; ++sequence)
            add(batch, next[sequence], position[sequence]++, sequence, true);
        if (llama_decode(context, batch) != 0) return 1;
        for (std::size_t sequence = 0; sequence < sequences; ++sequence)
            take(sequence, static_cast<std::int32_t>(sequence));
    }
    const double ended = cpu_seconds();
    std::printf("{\"prompt_tokens\": %zu, \"prompt_s\": %.6f, \"tokens_s\": %.6f}\n", prompt_tokens,
                prompted - began, ended - prompted);
    llama_batch_free(batch);
    llama_free(context);
    llama_model_free(model);
    return 0;
}

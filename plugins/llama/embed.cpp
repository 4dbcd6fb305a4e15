#include "embed.hpp"

#include <algorithm>
#include <cmath>

#include <llama.h>

namespace headrace::llama {
namespace {

constexpr std::size_t kTogether = 16;  // texts at most; their tokens fit into one context

struct FreeBatch {
    explicit FreeBatch(std::size_t tokens)
        : batch(llama_batch_init(static_cast<std::int32_t>(tokens), 0, 1)) {}
    ~FreeBatch() { llama_batch_free(batch); }
    FreeBatch(const FreeBatch&) = delete;
    FreeBatch& operator=(const FreeBatch&) = delete;
    llama_batch batch;
};

void normalize(std::vector<float>& vector) {
    double sum = 0;
    for (const float number : vector) sum += static_cast<double>(number) * number;
    if (sum <= 0) return;
    const auto scale = static_cast<float>(1 / std::sqrt(sum));
    for (float& number : vector) number *= scale;
}

}  // namespace

struct Embed::Text {
    std::vector<Token> tokens;
    std::vector<float> vector;
};

struct Embed::Work {
    hr_job* job;
    std::vector<Text> texts;
};

Result<std::unique_ptr<Embed>> Embed::make(const hr_host& host, const Settings& settings,
                                           const std::string& directory) {
    auto model = Model::load(settings, directory);
    if (!model) return tl::unexpected(std::move(model).error());
    std::unique_ptr<Embed> made(new Embed(host, settings, std::move(*model)));
    auto context = made->model_.make_context(kTogether);
    if (!context) return tl::unexpected(std::move(context).error());
    made->context_ = std::move(*context);
    llama_set_abort_callback(made->context_.get(), &Embed::all_unwanted, made.get());
    return made;
}

Embed::Embed(const hr_host& host, const Settings& settings, Model model)
    : host_(host), settings_(settings), model_(std::move(model)) {}

bool Embed::all_unwanted(void* self) {
    const auto& embed = *static_cast<Embed*>(self);
    return !embed.jobs_.empty() && std::ranges::all_of(embed.jobs_, [&](hr_job* job) {
        return embed.host_.cancelled(job) != 0;
    });
}

void Embed::run(hr_job** jobs, std::size_t count) {
    jobs_ = std::span(jobs, count);
    std::vector<Work> all;
    for (std::size_t i = 0; i < count; ++i) {
        Work work{jobs[i], {}};
        if (auto sound = read(jobs[i], work); sound)
            all.push_back(std::move(work));
        else
            host_.fail(jobs[i], sound.error().code.c_str(), sound.error().message.c_str(), 0);
    }
    std::vector<Text*> texts;
    for (auto& work : all) {
        if (host_.cancelled(work.job) != 0) continue;
        for (auto& text : work.texts) texts.push_back(&text);
    }
    for (std::size_t done = 0; done < texts.size();) {
        if (all_unwanted(this)) return;
        const std::size_t more = compute(texts, done);
        if (more == 0) break;
        done += more;
    }
    for (const auto& work : all) answer(work);
}

Result<void> Embed::read(hr_job* job, Work& work) const {
    const std::size_t count = host_.input_count(job, "text");
    for (std::size_t i = 0; i < count; ++i) {
        hr_bytes bytes{};
        if (host_.input_text(job, "text", i, &bytes) != HR_OK)
            return bad_argument("text[" + std::to_string(i) + "] is no text");
        Text& text = work.texts.emplace_back();
        text.tokens = model_.tokens_of({bytes.data, bytes.size});
        if (text.tokens.empty())
            return bad_argument("text[" + std::to_string(i) + "] holds nothing");
        if (text.tokens.size() > static_cast<std::size_t>(settings_.context)) {
            return tl::unexpected(Problem{
                "context_exceeded",
                "text[" + std::to_string(i) + "]: it takes " + std::to_string(text.tokens.size()) +
                    " tokens, the context holds " + std::to_string(settings_.context)});
        }
    }
    return {};
}

std::size_t Embed::compute(std::vector<Text*>& texts, std::size_t first) {
    const FreeBatch holder(llama_n_batch(context_.get()));
    llama_batch batch = holder.batch;
    batch.n_tokens = 0;
    std::size_t count = 0;
    while (first + count < texts.size() && count < kTogether &&
           static_cast<std::size_t>(batch.n_tokens) + texts[first + count]->tokens.size() <=
               llama_n_batch(context_.get())) {
        llama_pos position = 0;
        for (const Token token : texts[first + count]->tokens) {
            const auto i = static_cast<std::size_t>(batch.n_tokens++);
            batch.token[i] = token;
            batch.pos[i] = position++;
            batch.n_seq_id[i] = 1;
            batch.seq_id[i][0] = static_cast<llama_seq_id>(count);
            batch.logits[i] = 1;
        }
        ++count;
    }
    llama_memory_clear(llama_get_memory(context_.get()), false);
    if (llama_decode(context_.get(), batch) != 0) return 0;
    for (std::size_t i = 0; i < count; ++i) {
        const float* numbers =
            llama_get_embeddings_seq(context_.get(), static_cast<llama_seq_id>(i));
        if (numbers == nullptr) return 0;
        auto& vector = texts[first + i]->vector;
        vector.assign(numbers, numbers + model_.embedding_size());
        normalize(vector);
    }
    return count;
}

void Embed::answer(const Work& work) const {
    std::vector<float> all;
    double tokens = 0;
    for (const auto& text : work.texts) {
        tokens += static_cast<double>(text.tokens.size());
        all.insert(all.end(), text.vector.begin(), text.vector.end());
    }
    host_.usage(work.job, "prompt_tokens", tokens);
    const std::int64_t shape[2] = {static_cast<std::int64_t>(work.texts.size()),
                                   static_cast<std::int64_t>(model_.embedding_size())};
    if (all.size() != static_cast<std::size_t>(shape[0] * shape[1])) {
        if (host_.cancelled(work.job) == 0)
            host_.fail(work.job, "engine_failed", "libllama could not compute the batch", 0);
        return;
    }
    const hr_tensor tensor{HR_FP32, 2, shape, all.data(), all.size() * sizeof(float)};
    host_.output_tensor(work.job, "embeddings", &tensor);
}

}  // namespace headrace::llama

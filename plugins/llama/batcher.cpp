#include "batcher.hpp"

#include <algorithm>
#include <ctime>

#include <llama.h>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace headrace::llama {
namespace {

/// A lone prompt delays nobody, and a cancel breaks its step off, so it may take larger ones; what
/// arrives meanwhile waits this long.
constexpr double kLoneStepSeconds = 0.25;
constexpr std::size_t kLeastPrompt = 8;  // tokens of a step, however slow the machine is

/// Seconds that a step is measured by. With one thread on the CPU those that it computed, so that a
/// busy machine does not make for smaller steps, which cost more; else what passed.
double seconds_of(const Settings& settings) {
    const bool alone = settings.threads == 1 && settings.gpu_layers == 0;
    timespec now{};
    ::clock_gettime(alone ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::string as_text(std::string_view bytes) {
    Utf8Splitter splitter;
    std::string text;
    splitter.feed(bytes, text);
    splitter.finish(text);
    return text;
}

}  // namespace

/// The arrays that llama_decode() reads.
class Batcher::Batch {
  public:
    struct Part {
        std::size_t sequence;
        std::size_t tokens;
        std::int32_t row;  // that the next token is drawn from; -1 = none, the prompt goes on
    };
    explicit Batch(std::size_t capacity)
        : batch_(llama_batch_init(static_cast<std::int32_t>(capacity), 0, 1)),
          capacity_(capacity) {}
    ~Batch() { llama_batch_free(batch_); }
    Batch(const Batch&) = delete;
    Batch& operator=(const Batch&) = delete;

    void clear() {
        batch_.n_tokens = 0;
        parts.clear();
    }
    [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(batch_.n_tokens); }
    [[nodiscard]] std::size_t room() const { return capacity_ - size(); }
    void add(std::size_t sequence, std::span<const Token> tokens, std::size_t position,
             bool with_row) {
        for (const Token token : tokens) {
            const std::size_t i = size();
            batch_.token[i] = token;
            batch_.pos[i] = static_cast<llama_pos>(position++);
            batch_.n_seq_id[i] = 1;
            batch_.seq_id[i][0] = static_cast<llama_seq_id>(sequence);
            batch_.logits[i] = 0;
            ++batch_.n_tokens;
        }
        batch_.logits[size() - 1] = with_row ? 1 : 0;
        parts.push_back({sequence, tokens.size(), with_row ? batch_.n_tokens - 1 : -1});
    }
    [[nodiscard]] const llama_batch& get() const { return batch_; }
    std::vector<Part> parts;

  private:
    llama_batch batch_;
    std::size_t capacity_;
};

struct Batcher::Running {
    Running(std::shared_ptr<Generation> generation, std::size_t sequence, std::uint64_t number)
        : generation(std::move(generation)),
          sequence(sequence),
          number(number),
          sampler(this->generation->order.sampling),
          out(this->generation->order.stops) {}

    [[nodiscard]] bool answering(const Held& held) const {
        return held.tokens.size() >= generation->order.prompt.size();
    }

    std::shared_ptr<Generation> generation;
    std::size_t sequence;
    std::uint64_t number;  // of arrival
    Sampler sampler;
    std::unique_ptr<Grammar> grammar;
    TextOut out;
    Token next = Sampler::kNone;  // drawn, not yet computed
    std::size_t cached = 0;
    std::size_t completed = 0;
    std::vector<float> logits;  // unchanged ones, for log probabilities
};

Batcher::Batcher(const Model& model, std::unique_ptr<llama_context, Free> context,
                 const Settings& settings, std::size_t sequences)
    : model_(model),
      settings_(settings),
      context_(std::move(context)),
      held_(sequences),
      running_(sequences),
      batch_(std::make_unique<Batch>(llama_n_batch(context_.get()))) {
    llama_set_abort_callback(context_.get(), &Batcher::all_unwanted, this);
    thread_ = std::thread([this] { work(); });
}

Batcher::~Batcher() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Batcher::start(std::shared_ptr<Generation> generation) {
    {
        const std::lock_guard lock(mutex_);
        arrived_.push_back(std::move(generation));
    }
    changed_.notify_one();
}

void Batcher::wake() {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_one();
}

void Batcher::work() {
    bool busy = false;
    while (true) {
        std::vector<std::shared_ptr<Generation>> arrived;
        {
            std::unique_lock lock(mutex_);
            if (!busy)
                changed_.wait(lock, [this] { return stopping_ || woken_ || !arrived_.empty(); });
            if (stopping_) return;
            woken_ = false;
            arrived.swap(arrived_);
        }
        for (auto& one : arrived) assign(std::move(one));
        busy = prepare();
        if (busy) compute();
    }
}

void Batcher::assign(std::shared_ptr<Generation> generation) {
    const auto& order = generation->order;
    const auto [sequence, common] = choose_sequence(held_, order.prompt);
    Held& held = held_[sequence];
    auto* memory = llama_get_memory(context_.get());
    const auto id = static_cast<llama_seq_id>(sequence);
    held.tokens.resize(common);
    // Some models (recurrent ones, sliding windows) cannot forget a part.
    if (!llama_memory_seq_rm(memory, id, static_cast<llama_pos>(common), -1)) {
        llama_memory_seq_rm(memory, id, -1, -1);
        held.tokens.clear();
    }
    held.busy = true;
    auto running = std::make_unique<Running>(std::move(generation), sequence, ++clock_);
    running->cached = held.tokens.size();
    if (!order.grammar.empty()) running->grammar = model_.make_grammar(order.grammar);
    const bool lost = !order.grammar.empty() && !running->grammar;
    running_[sequence] = std::move(running);
    if (lost) {
        finish(*running_[sequence], Generation::End::failed,
               {"invalid_argument", "response_format: libllama does not take its grammar"});
    }
}

bool Batcher::prepare() {
    for (auto& running : running_) {
        if (running && running->generation->unwanted())
            finish(*running, Generation::End::cancelled);
    }
    fill_batch();
    return batch_->size() > 0;
}

void Batcher::fill_batch() {
    batch_->clear();
    std::vector<Running*> prompts;
    for (auto& running : running_) {
        if (!running || running->generation->full()) continue;
        const Held& held = held_[running->sequence];
        if (running->answering(held))
            batch_->add(running->sequence, {&running->next, 1}, held.tokens.size(), true);
        else
            prompts.push_back(running.get());
    }
    std::ranges::sort(prompts, {}, &Running::number);
    std::size_t room = prompt_room(batch_->size());
    for (auto* running : prompts) {
        if (room == 0) break;
        const std::size_t at = held_[running->sequence].tokens.size();
        const auto left = std::span(running->generation->order.prompt).subspan(at);
        const auto piece = left.first(std::min(left.size(), room));
        batch_->add(running->sequence, piece, at, piece.size() == left.size());
        room -= piece.size();
    }
}

std::size_t Batcher::prompt_room(std::size_t answers) const {
    const double seconds =
        answers > 0 ? static_cast<double>(settings_.step_ms) / 1000 : kLoneStepSeconds;
    const auto affordable = static_cast<std::size_t>(seconds / seconds_per_token_);
    const std::size_t wanted = std::max(affordable, kLeastPrompt + answers) - answers;
    return std::min(wanted, batch_->room());
}

void Batcher::compute() {
    const double began = seconds_of(settings_);
    const auto code = llama_decode(context_.get(), batch_->get());
    const double took = seconds_of(settings_) - began;
    if (code != 0) return roll_back(code != 2);
    measure(batch_->size(), took);
    for (const auto& part : batch_->parts) {
        Running& running = *running_[part.sequence];
        auto& tokens = held_[part.sequence].tokens;
        const auto& prompt = running.generation->order.prompt;
        if (running.answering(held_[part.sequence])) {
            tokens.push_back(running.next);
        } else {
            const auto from = prompt.begin() + static_cast<std::ptrdiff_t>(tokens.size());
            tokens.insert(tokens.end(), from, from + static_cast<std::ptrdiff_t>(part.tokens));
        }
        if (part.row >= 0) take_token(running, part.row);
    }
}

void Batcher::measure(std::size_t tokens, double seconds) {
    if (tokens < kLeastPrompt) return;
    const double now = seconds / static_cast<double>(tokens);
    seconds_per_token_ = 0.7 * seconds_per_token_ + 0.3 * now;
}

void Batcher::roll_back(bool all) {
    auto* memory = llama_get_memory(context_.get());
    for (const auto& part : batch_->parts) {
        Held& held = held_[part.sequence];
        const auto id = static_cast<llama_seq_id>(part.sequence);
        const auto kept = static_cast<llama_pos>(held.tokens.size());
        if (!all && llama_memory_seq_rm(memory, id, kept, -1)) continue;
        llama_memory_seq_rm(memory, id, -1, -1);
        held.tokens.clear();
        finish(*running_[part.sequence], Generation::End::failed,
               {"engine_failed", "libllama could not compute the batch; the log says why"});
    }
}

bool Batcher::all_unwanted(void* self) {
    const auto& batcher = *static_cast<Batcher*>(self);
    const auto& parts = batcher.batch_->parts;
    return !parts.empty() && std::ranges::all_of(parts, [&](const auto& part) {
        return batcher.running_[part.sequence]->generation->unwanted();
    });
}

void Batcher::take_token(Running& running, std::int32_t row) {
    auto& order = running.generation->order;
    const std::span logits(llama_get_logits_ith(context_.get(), row), model_.vocabulary());
    if (order.top_logprobs) running.logits.assign(logits.begin(), logits.end());
    const Token token = running.sampler.pick(logits, running.grammar.get());
    if (token == Sampler::kNone || model_.ends_answer(token))
        return finish(running, Generation::End::stop);
    running.sampler.accept(token);
    if (running.grammar) running.grammar->accept(token);
    running.next = token;
    ++running.completed;
    std::string bytes;
    model_.append_piece(token, bytes);
    TextOut::Piece piece;
    const bool stopped = running.out.feed(
        bytes, order.top_logprobs ? logprobs_entry(running, token) : std::string(), piece);
    if (!piece.text.empty() || !piece.entries.empty()) running.generation->add(std::move(piece));
    if (stopped) return finish(running, Generation::End::stop);
    if (running.completed >= order.max_tokens) finish(running, Generation::End::length);
}

std::string Batcher::logprobs_entry(Running& running, Token token) const {
    namespace json = boost::json;
    json::object entry;
    const auto describe = [&](const LogProb& one, json::object& to) {
        std::string bytes;
        model_.append_piece(one.id, bytes);
        to["token"] = as_text(bytes);
        to["logprob"] = one.value;
        json::array numbers;
        for (const char c : bytes) numbers.push_back(static_cast<unsigned char>(c));
        to["bytes"] = std::move(numbers);
    };
    const auto all = log_probs(running.logits, token, *running.generation->order.top_logprobs);
    describe(all.front(), entry);
    json::array top;
    for (std::size_t i = 1; i < all.size(); ++i)
        describe(all[i], top.emplace_back(json::object()).get_object());
    entry["top"] = std::move(top);
    return json::serialize(entry);
}

void Batcher::finish(Running& running, Generation::End end, Problem problem) {
    TextOut::Piece rest;
    if (end == Generation::End::stop || end == Generation::End::length) {
        running.out.finish(rest);
        running.generation->add(std::move(rest));
    }
    Held& held = held_[running.sequence];
    held.busy = false;
    held.last_used = ++clock_;
    running.generation->finish({end, std::move(problem), running.cached, running.completed});
    running_[running.sequence].reset();
}

}  // namespace headrace::llama

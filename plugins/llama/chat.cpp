#include "chat.hpp"

#include <algorithm>

#include <llama.h>

#include "chat_request.hpp"

namespace headrace::llama {

Result<std::unique_ptr<Chat>> Chat::make(const hr_host& host, const Settings& settings,
                                         const std::string& directory, std::size_t slots) {
    auto model = Model::load(settings, directory);
    if (!model) return tl::unexpected(std::move(model).error());
    auto words = model->chat_template();
    if (!words) return tl::unexpected(std::move(words).error());
    std::unique_ptr<Chat> chat(new Chat(host, settings, std::move(*model), std::move(*words)));
    auto context = chat->model_.make_context(slots);
    if (!context) return tl::unexpected(std::move(context).error());
    chat->batcher_ = std::make_unique<Batcher>(chat->model_, std::move(*context), settings, slots);
    return chat;
}

Chat::Chat(const hr_host& host, const Settings& settings, Model model, ChatTemplate words)
    : host_(host),
      settings_(settings),
      model_(std::move(model)),
      template_(std::move(words)),
      control_words_(model_.control_words()) {}

void Chat::run(hr_job* job) {
    auto order = order_of(job);
    if (!order) return fail(job, order.error());
    host_.usage(job, "prompt_tokens", static_cast<double>(order->prompt.size()));
    const auto generation = std::make_shared<Generation>(
        std::move(*order), [this, job] { return host_.cancelled(job) != 0; });
    batcher_->start(generation);
    TextOut::Piece piece;
    bool ended = false;
    while (!ended) {
        ended = generation->wait(piece);
        send(job, piece, ended);
        if (!generation->order.streamed) continue;
        if (host_.emit(job) != HR_OK) generation->abandon();
        if (!ended) batcher_->wake();
    }
    const auto& outcome = generation->outcome();
    host_.usage(job, "cached_tokens", static_cast<double>(outcome.cached_tokens));
    host_.usage(job, "completion_tokens", static_cast<double>(outcome.completion_tokens));
    if (outcome.end == Generation::End::failed) return fail(job, outcome.problem);
    const std::string_view reason = outcome.end == Generation::End::length ? "length" : "stop";
    host_.output_text(job, "finish_reason", reason.data(), reason.size());
}

Result<Order> Chat::order_of(hr_job* job) const {
    auto request = read_chat_request(host_, job);
    if (!request) return tl::unexpected(std::move(request).error());
    for (auto& message : request->messages)
        message.content = without_control_words(std::move(message.content), control_words_);
    if (!settings_.system.empty() && request->messages.front().role != "system")
        request->messages.insert(request->messages.begin(), {"system", settings_.system});
    const auto text = template_.render(request->messages);
    if (!text) return tl::unexpected(text.error());
    Order order;
    order.prompt = model_.tokens_of(*text);
    const auto room = answer_room(order.prompt.size(), request->max_tokens);
    if (!room) return tl::unexpected(room.error());
    order.max_tokens = *room;
    order.sampling = request->sampling;
    order.stops = std::move(request->stops);
    order.grammar = std::move(request->grammar);
    order.top_logprobs = request->top_logprobs;
    order.streamed = host_.wants_stream(job) != 0;
    return order;
}

Result<std::size_t> Chat::answer_room(std::size_t prompt, std::optional<std::size_t> wanted) const {
    const auto context = static_cast<std::size_t>(settings_.context);
    const auto too_long = [](std::string message) {
        return tl::unexpected(Problem{"context_exceeded", std::move(message)});
    };
    if (prompt >= context) {
        return too_long("messages: they take " + std::to_string(prompt) +
                        " tokens, the context holds " + std::to_string(context));
    }
    // The last token of an answer need not be computed any more, so it takes no room.
    const std::size_t room = context - prompt + 1;
    if (wanted && *wanted > room) {
        return too_long("max_tokens: the messages take " + std::to_string(prompt) + " of " +
                        std::to_string(context) + " tokens, at most " + std::to_string(room) +
                        " are left for the answer");
    }
    return wanted.value_or(room);
}

void Chat::send(hr_job* job, const TextOut::Piece& piece, bool last) const {
    // Without any text the answer is an empty one, not none.
    if (last || !piece.text.empty())
        host_.output_text(job, "text", piece.text.data(), piece.text.size());
    if (piece.entries.empty()) return;
    std::string list;
    for (const auto& entry : piece.entries) list += (list.empty() ? '[' : ',') + entry;
    list += ']';
    host_.output_json(job, "logprobs", list.data(), list.size());
}

void Chat::fail(hr_job* job, const Problem& problem) const {
    host_.fail(job, problem.code.c_str(), problem.message.c_str(), 0);
}

}  // namespace headrace::llama

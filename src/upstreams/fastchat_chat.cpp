#include "upstreams/fastchat_chat.hpp"

#include <string_view>

namespace headrace::upstreams {
namespace {

constexpr std::size_t kMaxMessages = 4'096;

tl::unexpected<Error> refuse(std::size_t index, std::string_view member, std::string rule,
                             std::string message) {
    Error error{ErrorCode::invalid_argument, std::move(message), {}, 0};
    auto path = "messages[" + std::to_string(index) + "]";
    if (!member.empty()) path.append(".").append(member);
    error.violations.push_back({std::move(path), std::move(rule), ""});
    return fail(std::move(error));
}

std::string_view text_member(const json::object& from, std::string_view name) {
    const auto* member = from.if_contains(name);
    return member != nullptr && member->is_string() ? std::string_view(member->get_string())
                                                    : std::string_view();
}

std::string_view image_address(const json::object& part) {
    const auto* image = part.if_contains("image_url");
    if (image == nullptr) return {};
    if (image->is_string()) return std::string_view(image->get_string());
    return image->is_object() ? text_member(image->get_object(), "url") : std::string_view();
}

/// The content of one message.
struct Content {
    std::string text;
    std::size_t images = 0;
    bool parts = false;
};

class Builder {
  public:
    Builder(PromptTemplate form, const ToolRequest& tools, ToolForm tool_form)
        : form_(std::move(form)), tools_(tools), tool_form_(tool_form), turns_(form_.messages) {}

    Result<void> add(std::size_t index, const json::value& item) {
        const auto* message = item.if_object();
        if (message == nullptr) return refuse(index, "", "type:object", "a message is an object");
        const auto role = text_member(*message, "role");
        auto content = read_content(index, *message, role == "user");
        if (!content) return fail(std::move(content).error());
        const bool after_tool = std::exchange(in_responses_, false);
        if (role == "system" || role == "developer") {
            form_.system_message = std::move(content->text);
        } else if (role == "user") {
            add_turn(0, std::move(*content));
        } else if (role == "assistant") {
            return add_assistant(index, *message, std::move(*content));
        } else if (role == "tool" || role == "function") {
            return add_response(index, std::move(*content), after_tool);
        } else {
            return refuse(index, "role", "enum",
                          "the role of a message is system, developer, user, assistant or tool");
        }
        return {};
    }

    Result<ChatPrompt> finish() {
        if (tools_.active()) form_.system_message += hermes_tools(tools_.tools);
        turns_.push_back(PromptTurn{form_.roles[1], "", 0, false});
        auto prompt = render_prompt(form_, turns_);
        if (!prompt) return fail(std::move(prompt).error());
        out_.prompt = std::move(*prompt);
        if (tools_.active()) out_.prompt += hermes_start(tools_);
        return std::move(out_);
    }

  private:
    void add_turn(std::size_t role, Content content) {
        turns_.push_back(
            PromptTurn{form_.roles[role], std::move(content.text), content.images, content.parts});
    }

    Result<Content> read_content(std::size_t index, const json::object& message, bool of_user) {
        Content out;
        const auto* content = message.if_contains("content");
        if (content == nullptr || content->is_null()) return out;
        if (const auto* text = content->if_string()) {
            out.text = std::string(*text);
            return out;
        }
        if (!content->is_array()) {
            return refuse(index, "content", "type:string", "content is a text or a list of parts");
        }
        // The released package keeps parts apart from a plain text only where a user writes them.
        out.parts = of_user;
        bool first = true;
        std::string images;
        for (const auto& item : content->get_array()) {
            const auto* part = item.if_object();
            const auto type = part == nullptr ? std::string_view() : text_member(*part, "type");
            if (type == "text" || type == "refusal") {
                if (!std::exchange(first, false)) out.text += '\n';
                out.text += text_member(*part, type);
            } else if (type == "image_url" && of_user) {
                const auto address = image_address(*part);
                if (address.empty()) {
                    return refuse(index, "content.image_url.url", "required", "an image has a url");
                }
                out_.images.emplace_back(address);
                ++out.images;
            } else {
                return refuse(index, "content.type", "enum",
                              "a worker of this kind takes parts of the types text and image_url");
            }
        }
        if (form_.numbering == Numbering::head) {
            for (std::size_t i = 0; i < out.images; ++i) images += "<image>\n";
        }
        out.text.insert(0, images);
        return out;
    }

    Result<void> add_assistant(std::size_t index, const json::object& message, Content content) {
        const auto* calls = message.if_contains("tool_calls");
        if (calls == nullptr || calls->is_null() ||
            (calls->is_array() && calls->get_array().empty())) {
            add_turn(1, std::move(content));
            return {};
        }
        if (!calls->is_array()) {
            return refuse(index, "tool_calls", "type:array", "tool_calls is a list");
        }
        if (tool_form_ == ToolForm::none) return no_tools(index, "tool_calls");
        auto text = hermes_calls(content.text, calls->get_array());
        if (!text) return fail(std::move(text).error());
        add_turn(1, Content{std::move(*text), 0, false});
        return {};
    }

    // What several tools answered stands in one turn of the user.
    Result<void> add_response(std::size_t index, Content content, bool after_tool) {
        if (tool_form_ == ToolForm::none) return no_tools(index, "role");
        auto text = hermes_response(content.text);
        if (after_tool) {
            turns_.back().text.append("\n").append(text);
        } else {
            add_turn(0, Content{std::move(text), 0, false});
        }
        in_responses_ = true;
        return {};
    }

    static tl::unexpected<Error> no_tools(std::size_t index, std::string_view member) {
        return refuse(index, member, "not_allowed", "the model's template has no tools");
    }

    PromptTemplate form_;
    const ToolRequest& tools_;
    ToolForm tool_form_;
    std::vector<PromptTurn> turns_;
    ChatPrompt out_;
    bool in_responses_ = false;
};

}  // namespace

Result<ChatPrompt> build_chat_prompt(PromptTemplate form, const json::array& messages,
                                     const ToolRequest& tools, ToolForm tool_form) {
    if (messages.empty() || messages.size() > kMaxMessages) {
        return fail(ErrorCode::invalid_argument, "messages has none or too many messages");
    }
    if (tools.active() && tool_form == ToolForm::none) {
        Error error{ErrorCode::invalid_argument,
                    "the model's conversation template has no tools: leave tools out",
                    {},
                    0};
        error.violations.push_back({"tools", "not_allowed", ""});
        return fail(std::move(error));
    }
    Builder builder(std::move(form), tools, tool_form);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        if (auto added = builder.add(i, messages[i]); !added) return fail(std::move(added).error());
    }
    return builder.finish();
}

}  // namespace headrace::upstreams

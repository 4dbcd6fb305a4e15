#include "template_expr.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace headrace::llama::syntax {
namespace {

constexpr std::array<std::string_view, 7> kComparisons = {"==", "!=", "<", ">", "<=", ">=", "in"};

ExprPtr make(Expr::Kind kind, std::string text = {}) {
    auto made = std::make_unique<Expr>();
    made->kind = kind;
    made->text = std::move(text);
    return made;
}

ExprPtr make(Expr::Kind kind, std::string text, ExprPtr first, ExprPtr second = nullptr) {
    auto made = make(kind, std::move(text));
    made->parts.push_back(std::move(first));
    if (second) made->parts.push_back(std::move(second));
    return made;
}

}  // namespace

class ExprReader::Deeper {
  public:
    explicit Deeper(std::size_t& depth) : depth_(depth) {
        if (++depth_ > kDeepest) throw Fault{"it is nested too deep"};
    }
    ~Deeper() { --depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

  private:
    std::size_t& depth_;
};

bool ExprReader::take(std::string_view word) {
    if (kind_ == 's' || token_ != word || kind_ == 'e') return false;
    next();
    return true;
}

void ExprReader::need(std::string_view word) {
    if (!take(word)) throw Fault{"'" + std::string(word) + "' is missing before '" + token_ + "'"};
}

std::string ExprReader::name() {
    if (kind_ != 'n') throw Fault{"a name is missing before '" + token_ + "'"};
    std::string out = token_;
    next();
    return out;
}

void ExprReader::end() const {
    if (kind_ != 'e') throw Fault{"'" + token_ + "' is not understood"};
}

ExprPtr ExprReader::expression() {
    const Deeper deeper(depth_);
    auto value = either();
    if (!take("if")) return value;
    auto made = make(Expr::Kind::ternary, {}, std::move(value), either());
    made->parts.push_back(take("else") ? expression() : make(Expr::Kind::literal));
    return made;
}

ExprPtr ExprReader::either() {
    return chain({"or"}, &ExprReader::both);
}

ExprPtr ExprReader::chain(std::initializer_list<std::string_view> words,
                          ExprPtr (ExprReader::*inner)()) {
    auto left = (this->*inner)();
    while (kind_ != 's' && std::find(words.begin(), words.end(), token_) != words.end()) {
        std::string word = token_;
        next();
        left = make(Expr::Kind::binary, std::move(word), std::move(left), (this->*inner)());
    }
    return left;
}

ExprPtr ExprReader::both() {
    return chain({"and"}, &ExprReader::negation);
}
ExprPtr ExprReader::negation() {
    const Deeper deeper(depth_);
    if (take("not")) return make(Expr::Kind::negation, {}, negation());
    return comparison();
}

ExprPtr ExprReader::comparison() {
    auto left = sum();
    while (true) {
        if (take("is")) {
            const bool inverted = take("not");
            left = make(Expr::Kind::test, name(), std::move(left));
            if (take("(")) arguments(*left);
            if (inverted) left = make(Expr::Kind::negation, {}, std::move(left));
        } else if (take("not")) {
            need("in");
            left = make(Expr::Kind::negation, {},
                        make(Expr::Kind::binary, "in", std::move(left), sum()));
        } else if (kind_ != 's' && std::ranges::find(kComparisons, token_) != kComparisons.end()) {
            std::string word = token_;
            next();
            left = make(Expr::Kind::binary, std::move(word), std::move(left), sum());
        } else {
            return left;
        }
    }
}

ExprPtr ExprReader::sum() {
    return chain({"+", "-", "~"}, &ExprReader::product);
}
ExprPtr ExprReader::product() {
    return chain({"*", "/", "//", "%"}, &ExprReader::minus);
}
ExprPtr ExprReader::minus() {
    const Deeper deeper(depth_);
    if (take("-")) return make(Expr::Kind::minus, {}, minus());
    return postfix();
}

ExprPtr ExprReader::postfix() {
    auto value = atom();
    while (true) {
        if (take(".")) {
            value = make(Expr::Kind::member, name(), std::move(value));
        } else if (take("[")) {
            value = subscript(std::move(value));
        } else if (take("(")) {
            value = make(Expr::Kind::call, {}, std::move(value));
            arguments(*value);
        } else if (take("|")) {
            value = make(Expr::Kind::filter, name(), std::move(value));
            if (take("(")) arguments(*value);
        } else {
            return value;
        }
    }
}

ExprPtr ExprReader::subscript(ExprPtr value) {
    ExprPtr from = token_ == ":" ? make(Expr::Kind::literal) : expression();
    if (take("]")) return make(Expr::Kind::index, {}, std::move(value), std::move(from));
    need(":");
    auto made = make(Expr::Kind::slice, {}, std::move(value), std::move(from));
    made->parts.push_back(token_ == "]" ? make(Expr::Kind::literal) : expression());
    need("]");
    return made;
}

/// Behind the opening bracket. `a=1` gives the argument a name.
void ExprReader::arguments(Expr& call) {
    while (!take(")")) {
        std::string named;
        auto value = expression();
        if (value->kind == Expr::Kind::name && take("=")) {
            named = value->text;
            value = expression();
        }
        call.names.push_back(std::move(named));
        call.parts.push_back(std::move(value));
        if (!take(",") && token_ != ")") need(")");
    }
}

ExprPtr ExprReader::atom() {
    if (kind_ == 's' || kind_ == '0') {
        auto made = make(Expr::Kind::literal);
        if (kind_ == 's')
            made->value = token_;
        else
            made->value = std::stoll(token_);
        next();
        return made;
    }
    if (take("(")) {
        auto inner = expression();
        need(")");
        return inner;
    }
    if (take("[")) {
        auto made = make(Expr::Kind::list);
        while (!take("]")) {
            made->parts.push_back(expression());
            if (!take(",") && token_ != "]") need("]");
        }
        return made;
    }
    const std::string word = name();
    auto made = make(Expr::Kind::literal);
    if (word == "true" || word == "True")
        made->value = true;
    else if (word == "false" || word == "False")
        made->value = false;
    else if (word != "none" && word != "None")
        return make(Expr::Kind::name, word);
    return made;
}

void ExprReader::next() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
    token_.clear();
    kind_ = 'e';
    if (text_.empty()) return;
    const char c = text_[0];
    if (c == '\'' || c == '"') return quoted(c);
    std::size_t length = 0;
    const auto is_word = [](char ch) {
        return std::isalnum(static_cast<unsigned char>(ch)) != 0 || ch == '_';
    };
    while (length < text_.size() && is_word(text_[length])) ++length;
    kind_ = 'n';
    if (length > 0 && c >= '0' && c <= '9') {
        kind_ = '0';
        const auto digits = text_.substr(0, length);
        if (length > 15 || digits.find_first_not_of("0123456789") != std::string_view::npos)
            throw Fault{"the number " + std::string(digits) + " is not understood"};
    } else if (length == 0) {
        kind_ = 'o';
        length = 1;
        for (const std::string_view two : {"==", "!=", "<=", ">=", "//"}) {
            if (text_.starts_with(two)) length = 2;
        }
    }
    token_ = text_.substr(0, length);
    text_.remove_prefix(length);
}

void ExprReader::quoted(char quote) {
    kind_ = 's';
    std::size_t at = 1;
    for (; at < text_.size() && text_[at] != quote; ++at) {
        char c = text_[at];
        if (c == '\\' && at + 1 < text_.size()) {
            c = text_[++at];
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
            if (c == 'r') c = '\r';
        }
        token_ += c;
    }
    text_.remove_prefix(std::min(at + 1, text_.size()));
}

}  // namespace headrace::llama::syntax

#include "template_syntax.hpp"

#include "template_expr.hpp"

#include <algorithm>

namespace headrace::llama::syntax {
namespace {

struct Tag {
    char kind;  // 't' text, '{' print, '%' statement
    std::string_view text;
};

bool only_blanks_since_line(std::string_view text) {
    const auto last = text.find_last_not_of(" \t");
    return last == std::string_view::npos || text[last] == '\n';
}

std::string_view without_end(std::string_view text, const char* of) {
    const auto last = text.find_last_not_of(of);
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

/// Cuts the text into tags, with the blanks around them treated as transformers of Python does:
/// a statement takes its indentation and the line end behind it along.
std::vector<Tag> cut(std::string_view text) {
    std::vector<Tag> tags;
    bool strip_next = false;
    bool trim_line = false;
    while (!text.empty()) {
        auto open = text.find('{');
        while (open != std::string_view::npos && open + 1 < text.size() &&
               std::string_view("{%#").find(text[open + 1]) == std::string_view::npos)
            open = text.find('{', open + 1);
        if (open != std::string_view::npos && open + 1 >= text.size())
            open = std::string_view::npos;
        std::string_view before = text.substr(0, open);
        if (strip_next) {
            before.remove_prefix(std::min(before.find_first_not_of(" \t\r\n"), before.size()));
        } else if (trim_line && before.starts_with('\n')) {
            before.remove_prefix(1);
        }
        strip_next = trim_line = false;
        if (open == std::string_view::npos) {
            if (!before.empty()) tags.push_back({'t', before});
            break;
        }
        const char kind = text[open + 1];
        const std::string_view close = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
        std::size_t end = open + 2;
        char quote = 0;  // a closing mark inside of a text is none
        for (; end < text.size(); ++end) {
            if (kind != '#' && quote != 0) {
                if (text[end] == '\\')
                    ++end;
                else if (text[end] == quote)
                    quote = 0;
            } else if (kind != '#' && (text[end] == '\'' || text[end] == '"')) {
                quote = text[end];
            } else if (text.substr(end).starts_with(close)) {
                break;
            }
        }
        if (end >= text.size()) throw Fault{"a tag is not closed"};
        std::string_view inside = text.substr(open + 2, end - open - 2);
        if (inside.starts_with('-')) {
            before = without_end(before, " \t\r\n");
            inside.remove_prefix(1);
        } else if (kind != '{' && only_blanks_since_line(before)) {
            before = without_end(before, " \t");
        }
        if (inside.ends_with('-')) {
            strip_next = true;
            inside.remove_suffix(1);
        } else {
            trim_line = kind != '{';
        }
        if (!before.empty()) tags.push_back({'t', before});
        if (kind != '#') tags.push_back({kind, inside});
        text.remove_prefix(end + 2);
    }
    return tags;
}

class Parser {
  public:
    explicit Parser(std::vector<Tag> tags) : tags_(std::move(tags)) {}

    std::vector<Node> all() {
        std::string stop;
        auto nodes = block(stop);
        if (!stop.empty()) throw Fault{stop + " closes nothing"};
        return nodes;
    }

  private:
    /// Up to a statement that closes or continues the block; `stop` is its first word, `rest_` what
    /// stands behind it.
    std::vector<Node> block(std::string& stop) {
        if (++depth_ > kDeepest) throw Fault{"it is nested too deep"};
        std::vector<Node> nodes;
        stop.clear();
        while (at_ < tags_.size()) {
            const Tag tag = tags_[at_++];
            if (tag.kind == 't') {
                Node& made = nodes.emplace_back();
                made.text = tag.text;
            } else if (tag.kind == '{') {
                Node& made = nodes.emplace_back();
                made.kind = Node::Kind::print;
                made.conditions.push_back(whole(tag.text));
            } else {
                ExprReader reader(tag.text);
                const std::string word = reader.name();
                if (word == "if") {
                    nodes.push_back(branch(reader));
                } else if (word == "for") {
                    nodes.push_back(loop(reader));
                } else if (word == "set") {
                    nodes.push_back(assignment(reader));
                } else if (word == "generation" || word == "endgeneration") {
                    reader.end();  // marks what was generated; says nothing about the text
                } else {
                    stop = word;
                    rest_ = tag.text.substr(tag.text.find(word) + word.size());
                    break;
                }
            }
        }
        --depth_;
        return nodes;
    }

    static ExprPtr whole(std::string_view text) {
        ExprReader reader(text);
        auto made = reader.expression();
        reader.end();
        return made;
    }

    Node branch(ExprReader& reader) {
        Node made;
        made.kind = Node::Kind::branch;
        made.conditions.push_back(reader.expression());
        reader.end();
        std::string stop;
        made.bodies.push_back(block(stop));
        while (stop == "elif") {
            made.conditions.push_back(whole(rest_));
            made.bodies.push_back(block(stop));
        }
        if (stop == "else") made.bodies.push_back(block(stop));
        if (stop != "endif") throw Fault{"endif is missing"};
        return made;
    }

    Node loop(ExprReader& reader) {
        Node made;
        made.kind = Node::Kind::loop;
        do made.names.push_back(reader.name());
        while (reader.take(","));
        reader.need("in");
        made.conditions.push_back(reader.either());
        if (reader.take("if")) made.conditions.push_back(reader.expression());
        reader.end();
        std::string stop;
        made.bodies.push_back(block(stop));
        if (stop == "else") made.bodies.push_back(block(stop));
        if (stop != "endfor") throw Fault{"endfor is missing"};
        return made;
    }

    static Node assignment(ExprReader& reader) {
        Node made;
        made.kind = Node::Kind::set;
        made.text = reader.name();
        if (reader.take(".")) made.text += '.' + reader.name();
        reader.need("=");
        made.conditions.push_back(reader.expression());
        reader.end();
        return made;
    }

    std::vector<Tag> tags_;
    std::size_t at_ = 0;
    std::size_t depth_ = 0;
    std::string_view rest_;
};

}  // namespace

Result<std::vector<Node>> parse(std::string_view text) {
    try {
        return Parser(cut(text)).all();
    } catch (const Fault& fault) {
        return bad_argument(fault.what);
    }
}

}  // namespace headrace::llama::syntax

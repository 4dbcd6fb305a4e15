#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "problem.hpp"

/// The syntax tree of a chat template: the part of Jinja that such templates are written in.
namespace headrace::llama::syntax {

struct Expr {
    enum class Kind {
        literal,   // value
        name,      // text
        list,      // parts
        member,    // parts[0] . text
        index,     // parts[0] [ parts[1] ]
        slice,     // parts[0] [ parts[1] : parts[2] ], missing ends are null literals
        call,      // parts[0] is what is called; the others are arguments, `names` theirs or empty
        filter,    // parts[0] | text(other parts)
        test,      // parts[0] is text(other parts)
        negation,  // not parts[0]
        minus,     // - parts[0]
        binary,    // parts[0] text parts[1]
        ternary    // parts[0] if parts[1] else parts[2]
    };
    Kind kind = Kind::literal;
    std::string text;
    boost::json::value value;
    std::vector<std::unique_ptr<Expr>> parts;
    std::vector<std::string> names;
};
using ExprPtr = std::unique_ptr<Expr>;

struct Node {
    enum class Kind { text, print, set, branch, loop };
    Kind kind = Kind::text;
    std::string text;                // text; set: the variable, "ns.member" for one of a namespace
    std::vector<std::string> names;  // loop: its variables
    std::vector<ExprPtr>
        conditions;  // print, set, loop: one; branch: one per arm but the last else
    std::vector<std::vector<Node>> bodies;  // branch: one per arm; loop: body, then its else
};

/// What the text says, or where it is not understood.
Result<std::vector<Node>> parse(std::string_view text);

}  // namespace headrace::llama::syntax

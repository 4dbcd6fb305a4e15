#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "template_syntax.hpp"

namespace headrace::llama::syntax {

constexpr std::size_t kDeepest = 100;  // of nesting, in expressions and statements

/// Thrown while parsing; parse() catches it.
struct Fault {
    std::string what;
};

/// Reads what stands inside of one tag: one token ahead, precedence by nested functions. Throws
/// Fault.
class ExprReader {
  public:
    explicit ExprReader(std::string_view text) : text_(text) { next(); }

    /// Takes the word or sign if it comes next.
    bool take(std::string_view word);
    void need(std::string_view word);
    std::string name();
    /// Nothing more may come.
    void end() const;
    ExprPtr expression();
    /// Without a trailing condition, as in `for x in here if there`.
    ExprPtr either();

  private:
    class Deeper;
    ExprPtr chain(std::initializer_list<std::string_view> words, ExprPtr (ExprReader::*inner)());
    ExprPtr both();
    ExprPtr negation();
    ExprPtr comparison();
    ExprPtr sum();
    ExprPtr product();
    ExprPtr minus();
    ExprPtr postfix();
    ExprPtr subscript(ExprPtr value);
    void arguments(Expr& call);
    ExprPtr atom();
    void next();
    void quoted(char quote);

    std::string_view text_;
    std::string token_;
    char kind_ = 'e';  // n name, 0 number, s text, o sign, e end
    std::size_t depth_ = 0;
};

}  // namespace headrace::llama::syntax

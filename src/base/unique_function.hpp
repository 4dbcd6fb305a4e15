#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace headrace {

template <class Signature>
class UniqueFunction;

/// A callable that may hold what can only be moved (std::move_only_function is C++23).
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
  public:
    UniqueFunction() = default;
    UniqueFunction(std::nullptr_t) {}  // NOLINT: as std::function

    template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, F&, Args...>)
        UniqueFunction(F&& f)  // NOLINT: as std::function
        : body_(std::make_unique<Body<std::decay_t<F>>>(std::forward<F>(f))) {}

    explicit operator bool() const { return body_ != nullptr; }
    R operator()(Args... args) { return body_->call(std::forward<Args>(args)...); }

  private:
    struct Base {
        virtual ~Base() = default;
        virtual R call(Args&&... args) = 0;
    };
    template <class F>
    struct Body final : Base {
        template <class G>
        explicit Body(G&& g) : f(std::forward<G>(g)) {}
        R call(Args&&... args) override { return f(std::forward<Args>(args)...); }
        F f;
    };
    std::unique_ptr<Base> body_;
};

}  // namespace headrace

#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace headrace {

template <class Signature>
class UniqueFunction;

/// A callable that may hold what can only be moved (std::move_only_function is C++23). A small one
/// lies in the object itself, so it must not be moved while it runs.
template <class R, class... Args>
class UniqueFunction<R(Args...)> {
  public:
    UniqueFunction() = default;
    UniqueFunction(std::nullptr_t) {}  // NOLINT: as std::function

    template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, UniqueFunction> &&
             std::is_invocable_r_v<R, F&, Args...>)
        UniqueFunction(F&& f) {  // NOLINT: as std::function
        using Body = std::decay_t<F>;
        if constexpr (fits<Body>()) {
            ::new (static_cast<void*>(room_)) Body(std::forward<F>(f));
            kind_ = &kInside<Body>;
        } else {
            ::new (static_cast<void*>(room_)) Body*(new Body(std::forward<F>(f)));
            kind_ = &kOutside<Body>;
        }
    }
    UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
    UniqueFunction& operator=(UniqueFunction&& other) noexcept {
        if (this == &other) return *this;
        // What is let go may reach this object again: it is out of here before it ends.
        UniqueFunction old(std::move(*this));
        take(other);
        return *this;
    }
    UniqueFunction(const UniqueFunction&) = delete;
    UniqueFunction& operator=(const UniqueFunction&) = delete;
    ~UniqueFunction() {
        if (kind_ != nullptr) kind_->end(room_);
    }

    explicit operator bool() const { return kind_ != nullptr; }
    R operator()(Args... args) { return kind_->call(room_, std::forward<Args>(args)...); }

  private:
    struct Kind {
        R (*call)(void* room, Args&&... args);
        void (*move)(void* from, void* to) noexcept;  // ends what was at `from`
        void (*end)(void* room) noexcept;
    };

    static constexpr std::size_t kRoom = 4 * sizeof(void*);

    template <class F>
    static constexpr bool fits() {
        return sizeof(F) <= kRoom && alignof(F) <= alignof(void*) &&
               std::is_nothrow_move_constructible_v<F>;
    }
    template <class F>
    static constexpr Kind kInside{
        [](void* room, Args&&... args) -> R {
            return (*static_cast<F*>(room))(std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept {
            ::new (to) F(std::move(*static_cast<F*>(from)));
            std::destroy_at(static_cast<F*>(from));
        },
        [](void* room) noexcept { std::destroy_at(static_cast<F*>(room)); }};
    template <class F>
    static constexpr Kind kOutside{
        [](void* room, Args&&... args) -> R {
            return (**static_cast<F**>(room))(std::forward<Args>(args)...);
        },
        [](void* from, void* to) noexcept { ::new (to) F*(*static_cast<F**>(from)); },
        [](void* room) noexcept { delete *static_cast<F**>(room); }};

    void take(UniqueFunction& other) noexcept {
        kind_ = std::exchange(other.kind_, nullptr);
        if (kind_ != nullptr) kind_->move(other.room_, room_);
    }

    alignas(void*) std::byte room_[kRoom];
    const Kind* kind_ = nullptr;
};

}  // namespace headrace

#pragma once

#include <vector>

#include "base/unique_function.hpp"

namespace headrace {

/// While one lives on a thread, what shall run as soon as the handler under way has done its work
/// is kept in it, and runs when it ends. A post would do too, but costs a look at epoll where the
/// loop has nothing else to do.
class TurnEnd {
  public:
    TurnEnd();
    ~TurnEnd();
    TurnEnd(const TurnEnd&) = delete;
    TurnEnd& operator=(const TurnEnd&) = delete;

    /// Takes `task`, which must not throw, where one lives on this thread; else leaves it and says
    /// false.
    static bool take(UniqueFunction<void()>& task);

  private:
    TurnEnd* outer_;
    std::vector<UniqueFunction<void()>> tasks_;
};

}  // namespace headrace

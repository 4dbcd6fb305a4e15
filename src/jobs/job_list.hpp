#pragma once

namespace headrace::jobs {

struct Job;

/// A list through Job::prev and Job::next. A job is on one such list at a time: of its lane while
/// it waits, of its queue while it is parked or pausing, of its worker while it is leased, and at
/// last of the ended ones.
class JobList {
  public:
    [[nodiscard]] bool empty() const { return head_ == nullptr; }
    [[nodiscard]] Job* head() const { return head_; }
    [[nodiscard]] Job* tail() const { return tail_; }
    void push_back(Job& job);
    void push_front(Job& job);
    void erase(Job& job);

  private:
    Job* head_ = nullptr;
    Job* tail_ = nullptr;
};

}  // namespace headrace::jobs

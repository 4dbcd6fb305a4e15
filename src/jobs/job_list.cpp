#include "jobs/job_list.hpp"

#include "jobs/live_job.hpp"

namespace headrace::jobs {

void JobList::push_back(Job& job) {
    job.prev = tail_;
    job.next = nullptr;
    (tail_ ? tail_->next : head_) = &job;
    tail_ = &job;
}

void JobList::push_front(Job& job) {
    job.prev = nullptr;
    job.next = head_;
    (head_ ? head_->prev : tail_) = &job;
    head_ = &job;
}

void JobList::erase(Job& job) {
    (job.prev ? job.prev->next : head_) = job.next;
    (job.next ? job.next->prev : tail_) = job.prev;
    job.prev = job.next = nullptr;
}

}  // namespace headrace::jobs

#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <unordered_map>
#include <vector>

#include "jobs/lane.hpp"

namespace headrace::jobs {

struct Queue;
class Line;
struct Tenant;
struct Worker;
struct Pool;
class Contest;

/// What one tenant has used of one pool's slots, in seconds of slot time. Charged with an estimate
/// when a job is leased, corrected when its lease ends.
struct Share {
    Pool* pool = nullptr;
    double used = 0;
    std::uint32_t waiting = 0;    // of its entries, how many are in a contest
    std::vector<Entry*> entries;  // in this pool
};

/// The place of a lane in the contest for a pool's slots.
struct Entry {
    Lane* lane = nullptr;
    Share* share = nullptr;
    Contest* contest = nullptr;
    std::uint32_t position = std::numeric_limits<std::uint32_t>::max();
    bool held = false;  // set aside by its contest
};

/// The lanes of one line that have jobs, the one to be served next on top: least used, then
/// priority of its next job, then age. A heap; every change is O(log tenants).
class Contest {
  public:
    Contest(Pool& pool, Line& line) : pool_(pool), line_(line) {}

    /// Puts the entry where it belongs now: call after its lane or share has changed.
    void refresh(Entry& entry);
    void remove(Entry& entry);
    /// Sets it aside, because its next job may not run now; take_back() or a change of it brings it
    /// back. It has not used less meanwhile than if it had waited in its place.
    void hold(Entry& entry);
    void take_back();
    [[nodiscard]] Entry* top() const { return heap_.empty() ? nullptr : heap_.front(); }
    [[nodiscard]] Line& line() const { return line_; }
    [[nodiscard]] Pool& pool() const { return pool_; }
    static bool before(const Entry& a, const Entry& b);

    /// The worker that is being emptied for the job on top, which must run alone.
    Worker* emptying = nullptr;

  private:
    void up(std::size_t at, Entry* entry);
    void down(std::size_t at, Entry* entry);
    void place(std::size_t at, Entry* entry);
    void leave(Entry& entry);

    Pool& pool_;
    Line& line_;
    std::vector<Entry*> heap_;
    std::vector<Entry*> held_;
};

/// Room for batches on one worker, for any version of its pool.
struct Offer {
    Worker* worker = nullptr;
    Pool* pool = nullptr;
    std::uint32_t slots = 0;
    bool listed = false;  // can be used now: in the pool's list
    Offer* prev = nullptr;
    Offer* next = nullptr;
};

/// All slots that serve the same set of versions. Fair share holds inside a pool: what a tenant
/// uses elsewhere does not count against it here, or a tenant with many GPUs could never get OCR
/// done.
struct Pool {
    /// A pool in which something changed puts itself into `stirred_pools`.
    Pool(std::vector<Queue*> of, std::vector<Pool*>& stirred_pools);
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Gives a new lane of one of its queues a place in the contest.
    void join(Lane& lane);
    void charge(Share& share, double seconds);
    void list(Offer& offer);
    void unlist(Offer& offer);
    /// Puts a listed offer last, so that workers take turns.
    void rotate(Offer& offer);
    /// Offers and jobs may match now: they are looked at before the core's turn ends.
    void stir();

    std::vector<Queue*> queues;  // by version id
    std::vector<std::unique_ptr<Contest>> contests;
    std::unordered_map<const Tenant*, std::unique_ptr<Share>> shares;  // never iterated
    /// Virtual time: the `used` of the share that was served last. A tenant that comes back from
    /// idling starts here, whatever it has left unused before.
    double served = 0;
    std::uint32_t workers = 0;
    Offer* first = nullptr;
    Offer* last = nullptr;
    bool stirred = false;

  private:
    void link(Offer& offer);
    void unlink(Offer& offer);
    std::vector<Pool*>& stirred_pools_;
};

/// Brings a lane's places up to date after a push or erase, and stirs its pools.
void refresh_entries(Lane& lane);

}  // namespace headrace::jobs

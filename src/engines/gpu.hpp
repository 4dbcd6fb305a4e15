#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace headrace::engines {

/// One accelerator of this machine. Memory in bytes.
struct Gpu {
    std::uint32_t index = 0;
    std::string uuid;  // what CUDA_VISIBLE_DEVICES takes; indexes change with the driver's order
    std::string name;
    std::uint64_t memory_total = 0;
    std::uint64_t memory_used = 0;
    bool operator==(const Gpu&) const = default;
};

/// Reads what `nvidia-smi --query-gpu=index,uuid,name,memory.total,memory.used
/// --format=csv,noheader,nounits` prints (memory in MiB). Error internal: the line it cannot read.
Result<std::vector<Gpu>> parse_gpus(std::string_view csv);

/// Asks the driver's tool; blocks for 10 s at most. Empty where there is no such tool, or no GPU.
/// Error unavailable: the tool is there and fails.
Result<std::vector<Gpu>> list_gpus(const std::string& program);

/// What an engine needs of them.
struct GpuNeed {
    std::uint32_t count = 0;   // of each process
    std::uint64_t memory = 0;  // bytes on each; 0 = a GPU for itself
};

/// Which process has which GPU, by what the engines asked for, not by what is in use now: a process
/// that has just started has not taken its memory yet. Pure; belongs to one loop.
class GpuBook {
  public:
    explicit GpuBook(std::vector<Gpu> gpus = {}) : gpus_(std::move(gpus)) {}

    /// Takes the GPUs with the most room. Error unavailable: in words, what is needed and what is
    /// there.
    Result<std::vector<Gpu>> take(const std::string& holder, const GpuNeed& need);
    void give_back(const std::string& holder);
    [[nodiscard]] const std::vector<Gpu>& gpus() const { return gpus_; }
    /// Bytes of a GPU that are promised.
    [[nodiscard]] std::uint64_t promised(const std::string& uuid) const;

  private:
    struct Share {
        std::string uuid;
        std::uint64_t bytes;  // the whole GPU's for one that is to be alone
    };
    std::vector<Gpu> gpus_;
    std::map<std::string, std::vector<Share>> shares_;  // by holder
};

/// "0 NVIDIA H100 80GB HBM3, 80 GiB"
std::string describe(const Gpu& gpu);

}  // namespace headrace::engines

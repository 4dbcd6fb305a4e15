#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headrace::power_cut {

/// One thing that was done to a file or folder below the watched one; paths are relative to it.
struct Op {
    enum class Kind : std::uint8_t {
        make_file,
        make_folder,
        rename,
        remove,
        write,
        resize,
        sync_file,
        sync_folder,
        note,  // no file at all: the test says that something was acknowledged
    };
    Kind kind = Kind::note;
    int file = -1;         // the same file under any name
    std::string path{};    // of all but write, resize and sync_file
    std::string target{};  // of a rename
    std::uint64_t at = 0;
    std::string bytes{};
    std::uint64_t note = 0;
};

/// A planted bug: syncs that the stores ask for and do not get. Each is what leaving the call out
/// of the program would be, so a test that finds nothing wrong then is worth nothing.
enum class Plant : std::uint8_t { none, no_folder_sync, no_blob_sync, no_log_sync };

/// This program's own definitions of open, write, fsync, rename and their kin (recorder.cpp) do
/// what they are asked, but sync nothing, and write down what concerns the watched folder. SQLite
/// and the blob store both come this way. One folder at a time.
void watch(const std::string& folder, Plant plant);
/// Ends it and hands out what was written down.
std::vector<Op> stop_watching();
/// Thread-safe. Stands behind everything that was done before the call.
void note(std::uint64_t what);

}  // namespace headrace::power_cut

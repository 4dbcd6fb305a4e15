#pragma once
// Internal: the chunked transfer coding, of requests and answers.

#include <cstdint>
#include <string>
#include <string_view>

namespace headrace::http {

/// Decodes chunks from pieces of any size and holds no data back. Strict: CRLF everywhere, plain
/// hex sizes, extensions and trailers capped together, no trailer that frames a message.
///
/// Our own because Beast 1.81 asserts on a last chunk that arrives byte by byte, which a peer can
/// bring about at will.
class ChunkDecoder {
  public:
    struct Piece {
        std::size_t consumed = 0;
        std::string_view data;  // within the input; empty when none came
        bool done = false;
        bool broken = false;
    };
    /// Up to the next run of data, the end of the body, or the end of the input.
    Piece next(std::string_view input);

  private:
    enum class State {
        size,
        padding,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer,
        trailer_lf,
        done,
        broken
    };
    State step(char c);
    State take_size(char c);
    State end_of_size();
    State end_of_trailer();

    State state_ = State::size;
    std::uint64_t left_ = 0;  // of the chunk that runs
    unsigned digits_ = 0;
    std::size_t extras_ = 0;  // bytes of extensions and trailers so far
    std::string trailer_;
};

}  // namespace headrace::http

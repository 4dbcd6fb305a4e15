#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"
#include "catalog/validator.hpp"
#include "catalog/values.hpp"

/// Bodies and answers of /audio. Pure.
namespace headrace::protocols::openai {

struct SpeechInput {
    catalog::Values values;
    bool events = false;  // stream_format sse
    bool pcm = false;     // the samples alone are wanted of what comes as a WAV file
};
Result<SpeechInput> read_speech_input(const json::object& body,
                                      const catalog::Validator& validator);

/// The samples of a RIFF WAVE file: what lies in its data chunk; nullopt when it is none.
std::optional<std::string_view> wave_samples(std::string_view file);

/// How a transcript is written.
enum class TranscriptFormat : std::uint8_t { json, text, srt, vtt, verbose_json };
std::optional<TranscriptFormat> transcript_format(std::string_view word);

/// What a recogniser gave.
struct Transcript {
    std::string text;
    std::string language;
    std::optional<double> duration;
    struct Segment {
        double start = 0;
        double end = 0;
        std::string text;
    };
    std::vector<Segment> segments;
};
Transcript transcript_of(const catalog::Values& outputs);

/// The body; invalid_argument for subtitles when there are no segments.
Result<std::string> write_transcript(const Transcript& transcript, TranscriptFormat format);
std::string_view content_type_of(TranscriptFormat format);

/// A guess by the name's ending, for parts that only say octet-stream.
std::string_view audio_type_of(std::string_view filename, std::string_view content_type);

}  // namespace headrace::protocols::openai

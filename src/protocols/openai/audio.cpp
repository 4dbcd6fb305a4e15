#include "protocols/openai/audio.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "protocols/openai/chat_output.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/model_call.hpp"

namespace headrace::protocols::openai {
namespace {

struct Sound {
    std::string_view word;
    std::string_view content_type;
};
constexpr std::array<Sound, 6> kSounds{{{"mp3", "audio/mpeg"},
                                        {"opus", "audio/ogg"},
                                        {"aac", "audio/aac"},
                                        {"flac", "audio/flac"},
                                        {"wav", "audio/wav"},
                                        {"pcm", "audio/pcm"}}};

constexpr std::array<Sound, 9> kEndings{{{".wav", "audio/wav"},
                                         {".mp3", "audio/mpeg"},
                                         {".mpga", "audio/mpeg"},
                                         {".mpeg", "audio/mpeg"},
                                         {".m4a", "audio/mp4"},
                                         {".mp4", "audio/mp4"},
                                         {".ogg", "audio/ogg"},
                                         {".flac", "audio/flac"},
                                         {".webm", "audio/webm"}}};

/// Whether the model can give audio of this type.
bool gives(const catalog::Interface& interface, std::string_view content_type) {
    for (const auto& spec : interface.outputs) {
        if (spec.name != "audio") continue;
        const auto& types = spec.media.content_types;
        return types.empty() || std::find(types.begin(), types.end(), content_type) != types.end();
    }
    return false;
}

Result<void> take_format(const json::object& body, const catalog::Interface& interface,
                         SpeechInput& to) {
    const auto format = read_text(body, "response_format");
    if (!format) return fail(format.error());
    if (!*format) return {};  // whatever the model gives by itself
    const auto known = std::find_if(kSounds.begin(), kSounds.end(),
                                    [&](const Sound& sound) { return sound.word == **format; });
    if (known == kSounds.end()) {
        return fail(bad_field("response_format", code::kInvalid,
                              "Invalid value for 'response_format': supported values are 'mp3', "
                              "'opus', 'aac', 'flac', 'wav' and 'pcm'."));
    }
    if (has_parameter(interface, "format")) {
        to.values.set("format", std::string(known->word));
        return {};
    }
    if (gives(interface, known->content_type)) return {};
    to.pcm = known->word == "pcm" && gives(interface, "audio/wav");
    if (!to.pcm) return fail(unsupported_field("response_format"));
    return {};
}

Result<void> take_voice(const json::object& body, const catalog::Interface& interface,
                        SpeechInput& to) {
    const auto* voice = member(body, "voice");
    if (voice == nullptr || !has_parameter(interface, "voice")) return {};
    const auto* object = voice->if_object();
    const auto* word = object != nullptr ? object->if_contains("id") : voice;
    if (word == nullptr || !word->is_string()) return fail(wrong_type("voice", "a string"));
    to.values.set("voice", std::string(word->get_string()));
    return {};
}

Result<void> take_speed(const json::object& body, const catalog::Interface& interface,
                        SpeechInput& to) {
    const auto* speed = member(body, "speed");
    if (speed == nullptr) return {};
    if (!speed->is_number()) return fail(wrong_type("speed", "a number"));
    const double factor = speed->to_number<double>();
    if (!(factor >= 0.25 && factor <= 4)) {
        return fail(
            bad_field("speed", code::kInvalid, "Invalid value for 'speed': it takes 0.25 to 4."));
    }
    if (has_parameter(interface, "speed")) {
        to.values.set("speed", factor);
    } else if (factor != 1) {
        return fail(unsupported_field("speed"));
    }
    return {};
}

std::uint32_t little_endian(std::string_view bytes) {
    std::uint32_t number = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        number |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    }
    return number;
}

double number_member(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<double>() : 0;
}

/// "00:01:02,345"
std::string clock_text(double seconds, char comma) {
    const auto ms = static_cast<std::int64_t>(std::llround(std::max(0.0, seconds) * 1000));
    return fmt::format("{:02}:{:02}:{:02}{}{:03}", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                       comma, ms % 1000);
}

std::string subtitles(const Transcript& transcript, bool vtt) {
    std::string out = vtt ? "WEBVTT\n\n" : "";
    int number = 0;
    for (const auto& segment : transcript.segments) {
        if (!vtt) out += std::to_string(++number) + '\n';
        const char comma = vtt ? '.' : ',';
        out += clock_text(segment.start, comma) + " --> " + clock_text(segment.end, comma) + '\n';
        std::string_view text = segment.text;
        while (text.starts_with(' ')) text.remove_prefix(1);
        out.append(text).append("\n\n");
    }
    return out;
}

std::string verbose(const Transcript& transcript) {
    double duration = transcript.duration.value_or(0);
    if (!transcript.duration && !transcript.segments.empty()) {
        duration = transcript.segments.back().end;
    }
    std::string out = "{\"task\":\"transcribe\",\"language\":";
    append_json_string(out, transcript.language);
    out += ",\"duration\":";
    append_json(out, json::value(duration));
    out += ",\"text\":";
    append_json_string(out, transcript.text);
    out += ",\"segments\":[";
    int id = 0;
    for (const auto& segment : transcript.segments) {
        if (id > 0) out += ',';
        out += "{\"id\":" + std::to_string(id++) + ",\"seek\":0,\"start\":";
        append_json(out, json::value(segment.start));
        out += ",\"end\":";
        append_json(out, json::value(segment.end));
        out += ",\"text\":";
        append_json_string(out, segment.text);
        // What no recogniser of ours tells; the object must have them.
        out +=
            ",\"tokens\":[],\"temperature\":0.0,\"avg_logprob\":0.0,\"compression_ratio\":1.0,"
            "\"no_speech_prob\":0.0}";
    }
    out += "],\"usage\":{\"type\":\"duration\",\"seconds\":";
    out += std::to_string(std::llround(std::ceil(duration))) + "}}";
    return out;
}

}  // namespace

Result<SpeechInput> read_speech_input(const json::object& body,
                                      const catalog::Validator& validator) {
    const auto& interface = validator.interface();
    SpeechInput result;
    const auto text = require_text(body, "input");
    if (!text) return fail(text.error());
    result.values.set("text", std::string(*text));
    if (auto taken = take_voice(body, interface, result); !taken) return fail(taken.error());
    if (auto taken = take_format(body, interface, result); !taken) return fail(taken.error());
    if (auto taken = take_speed(body, interface, result); !taken) return fail(taken.error());
    const auto stream = read_text(body, "stream_format");
    if (!stream) return fail(stream.error());
    if (*stream && **stream != "sse" && **stream != "audio") {
        return fail(bad_field("stream_format", code::kInvalid,
                              "Invalid value for 'stream_format': 'sse' and 'audio' are "
                              "supported."));
    }
    result.events = *stream == "sse";
    const auto instructions = read_text(body, "instructions");
    if (!instructions) return fail(instructions.error());
    if (*instructions && !(*instructions)->empty()) {
        if (!has_parameter(interface, "instructions")) {
            return fail(unsupported_field("instructions"));
        }
        result.values.set("instructions", std::string(**instructions));
    }
    if (auto sound = validator.check(catalog::Side::input, result.values); !sound) {
        Error error = invalid_input(std::move(sound).error());
        for (auto& violation : error.violations) {
            if (violation.path == "input.text") violation.path = "input";
        }
        return fail(std::move(error));
    }
    return result;
}

std::optional<std::string_view> wave_samples(std::string_view file) {
    if (file.size() < 12 || !file.starts_with("RIFF") || file.substr(8, 4) != "WAVE") {
        return std::nullopt;
    }
    file.remove_prefix(12);
    while (file.size() >= 8) {
        const std::size_t size = little_endian(file.substr(4, 4));
        const bool data = file.starts_with("data");
        file.remove_prefix(8);
        // A writer that could not seek back leaves the size at its greatest.
        if (data) return file.substr(0, std::min(size, file.size()));
        const std::size_t step = std::min(size + size % 2, file.size());
        file.remove_prefix(step);
    }
    return std::nullopt;
}

std::optional<TranscriptFormat> transcript_format(std::string_view word) {
    constexpr std::array<std::string_view, 5> kWords{"json", "text", "srt", "vtt", "verbose_json"};
    const auto at = std::find(kWords.begin(), kWords.end(), word);
    if (at == kWords.end()) return std::nullopt;
    return static_cast<TranscriptFormat>(at - kWords.begin());
}

Transcript transcript_of(const catalog::Values& outputs) {
    Transcript result;
    result.text = text_of(outputs, "text");
    result.language = text_of(outputs, "language");
    if (const auto* duration = outputs.find("duration")) {
        if (const auto* number = duration->get<double>()) result.duration = *number;
    }
    const auto text = text_of(outputs, "segments");
    const auto list = parse_json(text.empty() ? "[]" : text);
    const auto* array = list ? list->if_array() : nullptr;
    if (array == nullptr) return result;
    for (const auto& each : *array) {
        const auto* object = each.if_object();
        if (object == nullptr) continue;
        const auto* words = object->if_contains("text");
        Transcript::Segment segment{
            number_member(*object, "start"), number_member(*object, "end"), {}};
        if (words != nullptr && words->is_string()) segment.text = words->get_string();
        result.segments.push_back(std::move(segment));
    }
    return result;
}

Result<std::string> write_transcript(const Transcript& transcript, TranscriptFormat format) {
    switch (format) {
        case TranscriptFormat::text:
            return transcript.text + '\n';
        case TranscriptFormat::srt:
        case TranscriptFormat::vtt:
            if (transcript.segments.empty() && !transcript.text.empty()) {
                return fail(unsupported_field("response_format"));
            }
            return subtitles(transcript, format == TranscriptFormat::vtt);
        case TranscriptFormat::verbose_json:
            return verbose(transcript);
        case TranscriptFormat::json:
            break;
    }
    std::string out = "{\"text\":";
    append_json_string(out, transcript.text);
    out += '}';
    return out;
}

std::string_view content_type_of(TranscriptFormat format) {
    switch (format) {
        case TranscriptFormat::text:
        case TranscriptFormat::srt:
            return "text/plain; charset=utf-8";
        case TranscriptFormat::vtt:
            return "text/vtt; charset=utf-8";
        default:
            return "application/json";
    }
}

std::string_view audio_type_of(std::string_view filename, std::string_view content_type) {
    if (content_type.starts_with("audio/")) return content_type;
    for (const auto& [ending, type] : kEndings) {
        if (filename.ends_with(ending)) return type;
    }
    return content_type.empty() ? std::string_view("application/octet-stream") : content_type;
}

}  // namespace headrace::protocols::openai

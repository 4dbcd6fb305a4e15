#include "protocols/openai/audio_routes.hpp"

#include <algorithm>
#include <charconv>

#include "base/digest.hpp"
#include "jobs/blob_io.hpp"
#include "protocols/openai/answer_stream.hpp"
#include "protocols/openai/body.hpp"
#include "protocols/openai/chat_output.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"
#include "protocols/openai/fields.hpp"
#include "protocols/openai/runs.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::size_t kPiece = 192 * 1024;  // divisible by three: base64 without padding inside
constexpr std::uint64_t kMostInMemory = 64ULL << 20;

std::string speech_events(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() / 3 * 4 + 1024);
    for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
        out += "data: {\"type\":\"speech.audio.delta\",\"audio\":\"";
        out += to_base64(bytes.substr(at, kPiece));
        out += "\"}\n\n";
    }
    out +=
        "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":0,"
        "\"output_tokens\":0,\"total_tokens\":0}}\n\n";
    return out;
}

/// Events of a transcript under way.
class TranscriptEvents final : public StreamShape {
  public:
    void step(std::string& out, std::uint32_t, const catalog::Values& values) override {
        const auto text = text_of(values, "text");
        if (!text.empty()) delta(out, text);
    }
    void end(std::string& out, std::uint32_t, catalog::Values outputs,
             const jobs::JobRecord&) override {
        const auto whole = text_of(outputs, "text");
        const auto rest = whole.substr(std::min(sent_, whole.size()));
        if (!rest.empty()) delta(out, rest);
        out += "data: {\"type\":\"transcript.text.done\",\"text\":";
        append_json_string(out, whole);
        out += "}\n\n";
    }
    void finish(std::string& out) override { out += "data: [DONE]\n\n"; }
    void fail(std::string& out, const Error& error) override { out += error_event(error); }

  private:
    void delta(std::string& out, std::string_view text) {
        sent_ += text.size();
        out += "data: {\"type\":\"transcript.text.delta\",\"delta\":";
        append_json_string(out, text);
        out += "}\n\n";
    }
    std::size_t sent_ = 0;
};

/// The fields of a form that a recogniser may take beside the sound.
Result<void> take_hints(const Form& form, const catalog::Interface& interface,
                        catalog::Values& values) {
    const auto language = form.find("language");
    if (language && !has_parameter(interface, "language")) {
        return fail(unsupported_field("language"));
    }
    if (language) values.set("language", std::string(*language));
    const auto prompt = form.find("prompt");
    if (prompt && has_parameter(interface, "prompt")) values.set("prompt", std::string(*prompt));
    const auto text = form.find("temperature");
    if (text) {
        double temperature = 0;
        const auto* end = text->data() + text->size();
        const auto read = std::from_chars(text->data(), end, temperature);
        if (read.ec != std::errc{} || read.ptr != end || !(temperature >= 0 && temperature <= 1)) {
            return fail(bad_field("temperature", code::kInvalid,
                                  "Invalid value for 'temperature': it takes 0 to 1."));
        }
        if (has_parameter(interface, "temperature")) values.set("temperature", temperature);
    }
    for (const auto each : form.all("timestamp_granularities[]")) {
        if (each != "segment") return fail(unsupported_field("timestamp_granularities"));
    }
    return {};
}

}  // namespace

asio::awaitable<Reply> AudioRoutes::send_sound(http::Exchange& exchange, const SpeechInput& input,
                                               std::string content_type, jobs::BlobRef sound) {
    const auto tenant = caller_of(exchange).tenant;
    auto bytes = co_await jobs::load_bytes(site_.parts.blobs, tenant, sound, kMostInMemory);
    if (!bytes) co_return fail(std::move(bytes).error());
    http::Response response(200, std::move(content_type));
    if (input.pcm) {
        const auto samples = wave_samples(*bytes);
        if (!samples) co_return fail(ErrorCode::engine_failed, "the model gave no WAV file");
        bytes = std::string(*samples);
        response.content_type = "audio/pcm";
    }
    if (input.events) {
        auto head = stream_head(exchange);
        auto writer = co_await exchange.start_stream(std::move(head));
        if (!writer) co_return sent_already();
        const auto events = speech_events(*bytes);
        auto written = co_await writer->write(events);
        if (written) co_await writer->finish();
        co_return sent_already();
    }
    response.body = std::move(*bytes);
    co_return response;
}

asio::awaitable<Reply> AudioRoutes::speech(http::Exchange& exchange) {
    auto body = co_await read_json_body(exchange, site_.settings.max_body_bytes);
    if (!body) co_return fail(std::move(body).error());
    const auto model = require_text(body->tree, "model");
    if (!model) co_return fail(model.error());
    auto call = co_await ModelCall::begin(site_, exchange, *model, catalog::Profile::speak,
                                          guessed_tokens(body->text.size()));
    if (!call) co_return fail(std::move(call).error());
    const auto input = read_speech_input(body->tree, *call->version().validator);
    if (!input) co_return fail(input.error());
    Runs runs(site_, exchange, false);
    auto submission = call->submission(exchange);
    submission.input.values = catalog::encode(input->values);
    auto started = co_await runs.start(*call, std::move(submission));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    const auto& record = *records->front();
    call->consumed(record.usage);
    const auto outputs = co_await outputs_of(site_, record);
    if (!outputs) co_return fail(outputs.error());
    const auto* audio = outputs->find("audio");
    const auto* media = audio != nullptr ? audio->get<catalog::Media>() : nullptr;
    // Its content is the job's only blob.
    if (media == nullptr || record.output->media.empty()) {
        co_return fail(ErrorCode::engine_failed, "the model gave no audio");
    }
    co_return co_await send_sound(exchange, *input, media->content_type,
                                  record.output->media.front());
}

asio::awaitable<Reply> AudioRoutes::transcript(http::Exchange& exchange, ModelCall& call,
                                               const Form& form) {
    const auto format = transcript_format(form.find("response_format").value_or("json"));
    if (!format) {
        co_return fail(bad_field("response_format", code::kInvalid,
                                 "Invalid value for 'response_format': supported values are "
                                 "'json', 'text', 'srt', 'verbose_json' and 'vtt'."));
    }
    const bool stream = form.find("stream") == "true";
    const auto& validator = *call.version().validator;
    catalog::Values values;
    catalog::Media media;
    media.content_type = audio_type_of(form.file->name, form.file->content_type);
    media.name = form.file->name;
    media.size = form.file->blob.size;
    media.source = catalog::BlobSource{form.file->blob.digest};
    values.set("audio", std::move(media));
    auto hints = take_hints(form, validator.interface(), values);
    if (!hints) co_return fail(std::move(hints).error());
    auto sound = validator.check(catalog::Side::input, values);
    if (!sound) {
        Error error = invalid_input(std::move(sound).error());
        for (auto& violation : error.violations) {
            if (violation.path == "input.audio") violation.path = "file";
        }
        co_return fail(std::move(error));
    }
    Runs runs(site_, exchange, stream);
    auto submission = call.submission(exchange);
    submission.input.values = catalog::encode(values);
    submission.input.media.push_back(form.file->blob);
    auto started = co_await runs.start(call, std::move(submission));
    if (!started) co_return fail(std::move(started).error());
    runs.watch(exchange);
    if (stream) {
        TranscriptEvents events;
        co_await stream_answer(site_, exchange, runs, call, events);
        co_return sent_already();
    }
    const auto records = co_await runs.ends();
    if (!records) co_return fail(records.error());
    call.consumed(records->front()->usage);
    const auto outputs = co_await outputs_of(site_, *records->front());
    if (!outputs) co_return fail(outputs.error());
    auto text = write_transcript(transcript_of(*outputs), *format);
    if (!text) co_return fail(std::move(text).error());
    co_return http::Response(200, std::string(content_type_of(*format)), std::move(*text));
}

asio::awaitable<Reply> AudioRoutes::transcribe(http::Exchange& exchange) {
    const auto form = co_await read_form(site_, exchange);
    if (!form) co_return fail(form.error());
    if (!form->file) co_return fail(missing_field("file"));
    const auto model = form->find("model");
    if (!model) co_return fail(missing_field("model"));
    auto call = co_await ModelCall::begin(site_, exchange, *model, catalog::Profile::transcribe, 1);
    if (!call) co_return fail(std::move(call).error());
    co_return co_await transcript(exchange, *call, *form);
}

void AudioRoutes::add_to(RouteList& routes) {
    routes.add_reply(http::Method::post, "/audio/speech", access::Right::submit_job,
                     [this](http::Exchange& exchange) { return speech(exchange); });
    routes.add_reply(
        http::Method::post, "/audio/transcriptions", access::Right::submit_job,
        [this](http::Exchange& exchange) { return transcribe(exchange); },
        site_.settings.max_file_bytes + kFormOverhead);
}

}  // namespace headrace::protocols::openai

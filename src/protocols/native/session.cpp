#include "protocols/native/session.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include "access/keys.hpp"
#include "base/task_group.hpp"
#include "catalog/json_codec.hpp"
#include "protocols/native/body.hpp"
#include "protocols/native/errors.hpp"
#include "protocols/native/job_permit.hpp"

namespace headrace::protocols::native {
namespace {

using namespace std::chrono_literals;

constexpr auto kOpeningTime = 30s;
constexpr auto kLook = 20s;  // how often an idle session looks whether its key still stands
constexpr std::int64_t kMaxSeq = std::int64_t{1} << 53;

// RFC 6455 §7.4.1
constexpr std::uint16_t kNormal = 1000;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kInternal = 1011;

std::uint16_t close_code_of(ErrorCode code) {
    return status_of(code) < 500 ? kPolicy : kInternal;
}

const catalog::FieldSpec* one_media(const std::vector<catalog::FieldSpec>& fields) {
    const catalog::FieldSpec* found = nullptr;
    for (const auto& field : fields) {
        if (!catalog::is_media(field.kind)) continue;
        if (found != nullptr) return nullptr;
        found = &field;
    }
    return found;
}

std::string error_frame(std::string_view code, std::string_view message, std::string_view reason,
                        const std::vector<Violation>& violations) {
    std::string out = "{\"error\":{\"code\":";
    append_json_string(out, code);
    out += ",\"message\":";
    append_json_string(out, message);
    if (!reason.empty()) {
        out += ",\"reason\":";
        append_json_string(out, reason);
    }
    if (!violations.empty()) {
        out += ",\"errors\":[";
        for (const auto& violation : violations) {
            if (out.back() != '[') out += ',';
            out += "{\"path\":";
            append_json_string(out, violation.path);
            out += ",\"rule\":";
            append_json_string(out, violation.rule);
            if (!violation.limit.empty()) {
                out += ",\"limit\":";
                append_json_string(out, violation.limit);
            }
            out += '}';
        }
        out += ']';
    }
    return out + "}}";
}

catalog::ReadOptions options(catalog::Completeness completeness) {
    catalog::ReadOptions options;
    options.completeness = completeness;
    // A step cannot wait for somebody else's server or for a disk.
    options.allow_url = false;
    options.allow_file = false;
    return options;
}

}  // namespace

Session::Session(Site& site, Opening opening, std::unique_ptr<http::WebSocket> socket)
    : site_(site),
      opening_(std::move(opening)),
      socket_(std::move(socket)),
      feed_(std::make_shared<jobs::EventFeed>(socket_->executor())),
      links_{site_.parts.urls, site_.parts.clock.wall() + site_.settings.url_good_ms,
             opening_.who->tenant, std::move(opening_.origin)} {}

/// The connection is given up: the job too, unless it has ended.
void Session::leave() {
    socket_->cancel();
    if (job_) site_.parts.jobs.hang_up(*job_);
}

asio::awaitable<void> Session::run([[maybe_unused]] std::shared_ptr<Session> self) {
    // Whatever the way out, also when the door cuts this coroutine short.
    struct Leave {
        Session& session;
        ~Leave() { session.leave(); }
    };
    const Leave leaving{*this};
    const bool opened = co_await open();
    if (!opened) co_return;
    TaskGroup reader(socket_->executor());
    reader.spawn("session input", read_inputs(shared_from_this()));
    co_await write_outputs();
    leave();
    reader.cancel();
    co_await reader.join();
}

/// Makes the job and greets the client; false when it was closed instead. Apart from run(), whose
/// frame stays for as long as the session does.
asio::awaitable<bool> Session::open() {
    auto submission = co_await read_opening();
    if (!submission) {
        co_await close_with(submission.error());
        co_return false;
    }
    submission->watcher = feed_;
    auto accepted = co_await site_.parts.jobs.submit(std::move(*submission));
    if (!accepted) {
        co_await close_with(accepted.error());
        co_return false;
    }
    job_ = accepted->id;
    const std::string hello = "{\"job\":{\"id\":\"" + job_->text() + "\"}}";
    auto greeted = co_await socket_->write(hello, false);
    co_return greeted.has_value();
}

asio::awaitable<Result<jobs::Submission>> Session::read_opening() {
    asio::steady_timer timer(socket_->executor());
    timer.expires_after(kOpeningTime);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->socket_->cancel();
    });
    auto message = co_await socket_->read();
    timer.cancel();
    if (!message) co_return fail(std::move(message).error());
    if (message->binary) {
        co_return fail(invalid("", "type:text", "", "the first frame is a text frame with input"));
    }
    const auto object = parse_json_object(message->data);
    if (!object) co_return fail(object.error());
    FieldReader fields(*object);
    fields.require("input");
    const auto* input = fields.object("input");
    fields.integer("seq", 0, 0);
    if (auto sound = fields.finish("the first frame is not valid"); !sound) {
        co_return fail(sound.error());
    }
    auto values = catalog::read_json(*opening_.version->validator, *input,
                                     options(catalog::Completeness::opening));
    if (!values) co_return fail(std::move(values).error());
    jobs::Submission submission;
    submission.tenant = opening_.who->tenant;
    submission.caller = opening_.who->key_id;
    submission.version = opening_.version;
    submission.job_class = jobs::JobClass::interactive;
    submission.session = true;
    submission.input.values = catalog::encode(*values);
    submission.traceparent = std::move(opening_.traceparent);
    co_return submission;
}

asio::awaitable<void> Session::read_inputs([[maybe_unused]] std::shared_ptr<Session> self) {
    bool open = true;
    while (true) {
        auto message = co_await socket_->read();
        if (!message) break;  // closed: the job has lost its caller
        if (!open) {
            fault_ = invalid("", "last", "", "the input had ended");
            break;
        }
        auto more = co_await take_frame(std::move(*message));
        if (!more) {
            fault_ = std::move(more).error();
            break;
        }
        open = *more;  // what follows is read all the same: pings, and the close frame
    }
    feed_->hang_up();
}

/// Whether more input may follow.
asio::awaitable<Result<bool>> Session::take_frame(http::WebSocketMessage message) {
    bool last = false;
    Result<catalog::Values> values = message.binary ? values_of_binary(std::move(message.data))
                                                    : values_of_text(message.data, last);
    if (!values) co_return fail(std::move(values).error());
    auto encoded = catalog::encode(*values);
    auto taken = co_await site_.parts.jobs.session_input(*job_, std::move(encoded), last);
    // A job that has just ended takes nothing more; its end is on its way to the client.
    if (!taken && status_of(taken.error().code) >= 500) co_return fail(taken.error());
    co_return !last;
}

Result<catalog::Values> Session::values_of_text(const std::string& text, bool& last) {
    const auto object = parse_json_object(text);
    if (!object) return fail(object.error());
    FieldReader fields(*object);
    const auto* input = fields.object("input");
    const auto seq = fields.integer("seq", last_seq_ + 1, kMaxSeq);
    last = fields.boolean("last").value_or(false);
    if (input == nullptr && !last) fields.require("input");
    if (auto sound = fields.finish("the frame is not valid"); !sound) return fail(sound.error());
    last_seq_ = seq.value_or(last_seq_);
    if (input == nullptr) return catalog::Values{};
    return catalog::read_json(*opening_.version->validator, *input,
                              options(catalog::Completeness::step));
}

Result<catalog::Values> Session::values_of_binary(std::string bytes) const {
    const auto* segment = one_media(opening_.version->interface().inputs);
    if (segment == nullptr) {
        return fail(invalid("", "type:text", "",
                            "binary frames are for capabilities with one media segment"));
    }
    catalog::Media media;
    const auto& types = segment->media.content_types;
    if (types.size() == 1 && !types.front().ends_with("/*")) media.content_type = types.front();
    media.size = bytes.size();
    media.source = catalog::InlineBytes{std::move(bytes)};
    catalog::Value value(std::move(media));
    if (segment->list) value = catalog::Value(catalog::Value::List{std::move(value)});
    catalog::Values values;
    values.set(segment->name, std::move(value));
    auto sound = opening_.version->validator->check(catalog::Side::input, values,
                                                    catalog::Completeness::step);
    if (!sound) return fail(std::move(sound).error());
    return values;
}

/// Why the session must end though its job has not; a plain function, so that the frame that waits
/// holds none of it.
std::optional<Error> Session::why_over(bool nothing_came) const {
    if (fault_) return fault_;
    if (feed_->overrun()) {
        return Error{ErrorCode::quota_exceeded, "the outputs are not read", {}, 0};
    }
    if (nothing_came && !site_.parts.keys.still_valid(*opening_.who)) {
        return Error{ErrorCode::unauthenticated, "the key has ended", {}, 0};
    }
    return std::nullopt;
}

asio::awaitable<void> Session::write_outputs() {
    while (true) {
        const auto events = co_await feed_->take(kLook);
        if (feed_->gone() && !fault_) co_return;
        if (const auto over = why_over(events.empty())) {
            co_await close_with(*over);
            co_return;
        }
        for (const auto& event : events) {
            if (std::holds_alternative<jobs::StateEvent>(event->what)) continue;
            const bool more = co_await write_event(*event);
            if (!more) co_return;
        }
    }
}

/// False when the session is over.
asio::awaitable<bool> Session::write_event(const jobs::JobEvent& event) {
    if (const auto* done = std::get_if<jobs::DoneEvent>(&event.what)) {
        co_await finish(*done->record);
        co_return false;
    }
    const auto* output = std::get_if<jobs::OutputEvent>(&event.what);
    if (output == nullptr) co_return true;
    auto values = catalog::decode(output->values);
    if (!values) {
        co_await close_with(Error{ErrorCode::internal, "an output could not be read", {}, 0});
        co_return false;
    }
    for (const auto& field : values->fields) streamed_.insert(field.name);
    const auto bytes = jobs::output_bytes(event);
    const bool written = co_await write_step(std::move(*values), output->last);
    if (written) site_.parts.jobs.output_taken(*job_, bytes);
    co_return written;
}

/// Media in place goes as binary frames when one output is media; everything else as one text
/// frame.
asio::awaitable<bool> Session::write_step(catalog::Values values, bool last) {
    std::vector<std::string> frames;
    const auto* media = one_media(opening_.version->interface().outputs);
    if (media != nullptr) {
        if (auto* value = values.find(media->name)) {
            bool all = true;
            catalog::for_each_media(values, [&](std::string_view, catalog::Media& part) {
                auto* bytes = std::get_if<catalog::InlineBytes>(&part.source);
                if (bytes != nullptr) frames.push_back(std::move(bytes->bytes));
                all = all && bytes != nullptr;
            });
            (void)value;
            if (all) {
                std::erase_if(values.fields,
                              [&](const auto& field) { return field.name == media->name; });
            }
        }
    }
    for (const auto& frame : frames) {
        auto written = co_await socket_->write(frame, true);
        if (!written) co_return false;
    }
    if (values.fields.empty() && !last && !frames.empty()) co_return true;
    std::string text = "{\"output\":";
    catalog::write_json(text, values, media_writer(links_, nullptr));
    text += last ? ",\"last\":true}" : ",\"last\":false}";
    last_sent_ = last_sent_ || last;
    auto written = co_await socket_->write(text, false);
    co_return written.has_value();
}

asio::awaitable<void> Session::finish(const jobs::JobRecord& job) {
    if (opening_.permit) opening_.permit->ended(job.usage);
    if (job.state != jobs::JobState::succeeded) {
        const jobs::JobError error =
            job.error.value_or(jobs::JobError{"internal", "the job did not succeed", "", false});
        const auto frame = error_frame(error.code, error.message, error.reason, {});
        auto written = co_await socket_->write(frame, false);
        const bool theirs = error.code == "invalid_argument" || error.code == "cancelled";
        if (written) co_await socket_->close(theirs ? kPolicy : kInternal, error.code);
        co_return;
    }
    if (!last_sent_) {
        // What was never streamed comes with the end.
        auto text = co_await output_values(site_, job.tenant, job.output);
        catalog::Values values;
        if (text && *text) {
            if (auto decoded = catalog::decode(**text)) values = std::move(*decoded);
        }
        std::erase_if(values.fields,
                      [&](const auto& field) { return streamed_.contains(field.name); });
        const bool written = co_await write_step(std::move(values), true);
        if (!written) co_return;
    }
    co_await socket_->close(kNormal, "");
}

asio::awaitable<void> Session::close_with(const Error& error) {
    if (socket_->close_code() != 0) co_return;
    const auto frame = error_frame(wire_word(error.code), error.message, "", error.violations);
    auto written = co_await socket_->write(frame, false);
    if (!written) co_return;
    co_await socket_->close(close_code_of(error.code), wire_word(error.code));
}

}  // namespace headrace::protocols::native

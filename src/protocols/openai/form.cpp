#include "protocols/openai/form.hpp"

#include "http/multipart.hpp"
#include "jobs/blob_io.hpp"
#include "protocols/forms/form_body.hpp"
#include "protocols/openai/context.hpp"
#include "protocols/openai/errors.hpp"

namespace headrace::protocols::openai {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxFields = 100;

/// Gathers what one read gave, between two writes of the blob.
class FormParts {
  public:
    explicit FormParts(Form& form) : form_(form) {}

    http::MultipartSink sink() {
        return {[this](const http::PartHead& head) { return begin(head); },
                [this](std::string_view data) { return take(data); },
                [this] {
                    in_file_ = false;
                    return Result<void>{};
                }};
    }
    std::string pending;

  private:
    Result<void> begin(const http::PartHead& head) {
        in_file_ = head.name == "file";
        if (!in_file_) {
            if (form_.fields.size() >= kMaxFields) {
                return fail(bad_field({}, code::kInvalid, "The form has too many fields."));
            }
            form_.fields.emplace_back(head.name, std::string());
            return {};
        }
        if (form_.file) {
            return fail(bad_field("file", code::kInvalid, "The form has more than one file."));
        }
        auto& file = form_.file.emplace();
        file.name = head.filename.substr(0, kMaxName);
        file.content_type = head.content_type;
        return {};
    }
    Result<void> take(std::string_view data) {
        if (in_file_) {
            pending += data;
            return {};
        }
        text_bytes_ += data.size();
        if (text_bytes_ > kFormOverhead) {
            return fail(ErrorCode::too_large, "The fields of the form are too large.");
        }
        form_.fields.back().second += data;
        return {};
    }

    Form& form_;
    bool in_file_ = false;
    std::size_t text_bytes_ = 0;
};

}  // namespace

std::optional<std::string_view> Form::find(std::string_view name) const {
    for (const auto& [field, value] : fields) {
        if (field == name && !value.empty()) return value;
    }
    return std::nullopt;
}

std::vector<std::string_view> Form::all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [field, value] : fields) {
        if (field == name) values.push_back(value);
    }
    return values;
}

asio::awaitable<Result<Form>> read_form(Site& site, http::Exchange& exchange) {
    Form form;
    FormParts parts(form);
    const auto type = exchange.header("Content-Type").value_or("");
    auto reader = http::MultipartReader::make(type, parts.sink());
    if (!reader) {
        co_return fail(ErrorCode::invalid_argument,
                       "The body must be multipart/form-data: " + reader.error().message);
    }
    const auto tenant = caller_of(exchange).tenant;
    auto writer = jobs::BlobWriter::open(site.parts.blobs, tenant, site.settings.max_file_bytes);
    if (!writer) co_return fail(std::move(writer).error());
    auto read =
        co_await forms::read_form_body(exchange, *reader, parts.pending, std::move(*writer));
    if (!read) co_return fail(std::move(read).error());
    if (form.file) {
        auto blob = co_await read->finish();
        if (!blob) co_return fail(std::move(blob).error());
        form.file->blob = *blob;
    }
    co_return form;
}

}  // namespace headrace::protocols::openai

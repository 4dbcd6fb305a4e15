// multipart/form-data: in pieces of any size the same parts come out, or the same refusal.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/multipart.hpp"

namespace {

using namespace headrace;
using namespace headrace::http;

std::string gather(std::string_view body, std::size_t step) {
    std::string out;
    MultipartSink sink;
    sink.on_part = [&](const PartHead& part) {
        out.append(part.name).append("|").append(part.filename).append("=");
        return Result<void>{};
    };
    sink.on_data = [&](std::string_view data) {
        out.append(data);
        return Result<void>{};
    };
    sink.on_part_end = [&] {
        out.append(";\n");
        return Result<void>{};
    };
    auto reader = MultipartReader::make("multipart/form-data; boundary=XX", std::move(sink));
    for (std::size_t i = 0; i < body.size(); i += step) {
        if (!reader->feed(body.substr(i, step))) return "refused";
    }
    return reader->finish() ? out : "refused";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    // The caps of a head count what is buffered, so only small forms must agree on a refusal.
    const auto pieces = gather(body, 1U + data[0]);
    if (body.size() < 200 && pieces != gather(body, body.size())) std::abort();
    return 0;
}

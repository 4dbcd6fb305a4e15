#include "upstreams/openai_interface.hpp"

#include <string>
#include <string_view>

namespace headrace::upstreams {
namespace {

using catalog::Profile;

constexpr std::string_view kVerbatimIn = R"(
"request":{"kind":"json","description":"a whole body of OpenAI's API, sent as it is; the other fields are not looked at then"},
"operation":{"kind":"string","max_length":64,"description":"where below /v1 it goes; by default the profile's route"},
"extra":{"kind":"json","description":"members of the body that have no field here"})";

constexpr std::string_view kVerbatimOut = R"(
"response":{"kind":"text","conditional":true,"stream":"append","description":"the answer to request, as it came"},
"status":{"kind":"integer","conditional":true,"description":"HTTP status of an answer to request that is not 200"})";

constexpr std::string_view kMeters = R"(
"prompt_tokens":{"unit":"token"},"completion_tokens":{"unit":"token"},"cached_tokens":{"unit":"token"})";

constexpr std::string_view kChatIn = R"(
"messages":{"kind":"json"},"tools":{"kind":"json"},"tool_choice":{"kind":"json"},
"response_format":{"kind":"json"},"temperature":{"kind":"float"},"top_p":{"kind":"float"},
"max_tokens":{"kind":"integer"},"seed":{"kind":"integer"},"stop":{"kind":"string","list":true},
"logprobs":{"kind":"boolean"},"top_logprobs":{"kind":"integer"},"top_k":{"kind":"integer"},
"min_p":{"kind":"float"},"presence_penalty":{"kind":"float"},"frequency_penalty":{"kind":"float"},
"repeat_penalty":{"kind":"float"},"logit_bias":{"kind":"json"},"n":{"kind":"integer","min":1,"max":1},
"parallel_tool_calls":{"kind":"boolean"},)";

constexpr std::string_view kChatOut = R"(
"text":{"kind":"text","conditional":true,"stream":"append"},
"tool_calls":{"kind":"json","conditional":true},"finish_reason":{"kind":"string","conditional":true},
"logprobs":{"kind":"json","conditional":true,"stream":"append"},
"embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1],"conditional":true},)";

std::string text_of(std::string_view profile, std::string_view inputs, std::string_view parameters,
                    std::string_view outputs) {
    std::string text = R"({"profile":")";
    text.append(profile).append(R"(","inputs":{)").append(inputs);
    text.append(R"(},"parameters":{)").append(parameters).append(kVerbatimIn);
    text.append(R"(},"outputs":{)").append(outputs).append(kVerbatimOut);
    return text.append(R"(},"meters":{)").append(kMeters).append("}}");
}

std::string text_of(Profile profile) {
    switch (profile) {
        case Profile::chat:
            return text_of(
                "chat",
                R"("text":{"kind":"text","count":"0..n","description":"texts to embed, in place of messages; where the server does"})",
                kChatIn, kChatOut);
        case Profile::embed:
            return text_of(
                "embed", R"("text":{"kind":"text","count":"0..n"})",
                R"("dimensions":{"kind":"integer","min":1},)",
                R"("embeddings":{"kind":"tensor","dtype":"fp32","shape":[-1,-1],"conditional":true},)");
        case Profile::rerank:
            return text_of(
                "rerank",
                R"("query":{"kind":"text","required":false},"documents":{"kind":"text","count":"0..n"})",
                "", R"("scores":{"kind":"float","list":true,"conditional":true},)");
        case Profile::transcribe:
            return text_of("transcribe", R"("audio":{"kind":"audio","required":false})",
                           R"("language":{"kind":"string"},"prompt":{"kind":"string"},)",
                           R"("text":{"kind":"text","conditional":true},)"
                           R"("segments":{"kind":"json","conditional":true},)");
        case Profile::speak:
            return text_of("speak", R"("text":{"kind":"text","required":false})",
                           R"("voice":{"kind":"string"},"speed":{"kind":"float"},)"
                           R"("format":{"kind":"string"},)",
                           R"("audio":{"kind":"audio","conditional":true},)");
        case Profile::image:
            break;
    }
    return {};
}

}  // namespace

Result<catalog::Interface> openai_interface(Profile profile) {
    const std::string text = text_of(profile);
    if (text.empty()) {
        return fail(ErrorCode::invalid_argument,
                    "an OpenAI-style upstream has no route for the profile " +
                        std::string(catalog::to_string(profile)));
    }
    return catalog::interface_from_json(text);
}

}  // namespace headrace::upstreams

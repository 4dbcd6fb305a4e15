#include "protocols/native/schemas.hpp"

#include <string>
#include <string_view>
#include <utility>

#include "base/json.hpp"

namespace headrace::protocols::native {
namespace {

constexpr std::pair<std::string_view, std::string_view> kSchemas[] = {
    {"JobRequest",
     R"({"type":"object","required":["capability","input"],"additionalProperties":false,
"properties":{"capability":{"type":"string","description":"name or name@version"},
"input":{"type":"object"},"priority":{"type":"integer","minimum":0,"maximum":9,"default":5},
"timeout":{"type":"number","exclusiveMinimum":0,"description":"seconds of one attempt"},
"ttl":{"type":"number","exclusiveMinimum":0,"description":"seconds in the queue"},
"deadline":{"type":"number","exclusiveMinimum":0,"description":"seconds in all"},
"idempotency_key":{"type":"string","minLength":1,"maxLength":255}}})"},
    {"Job", R"({"type":"object","required":["id","capability","state","created_at"],"properties":{
"id":{"type":"string","format":"uuid"},"capability":{"type":"string"},
"state":{"enum":["queued","running","succeeded","failed","cancelled","expired"]},
"created_at":{"type":"string","format":"date-time"},"started_at":{"type":"string","format":"date-time"},
"finished_at":{"type":"string","format":"date-time"},"attempt":{"type":"integer","minimum":1},
"retry_of":{"type":"string","format":"uuid"},"progress":{"type":"object"},
"queue":{"type":"object","properties":{"position":{"type":"integer"},"estimate_s":{"type":"number"}}},
"output":{"type":"object"},"error":{"type":"object","required":["code","message","retryable"],
"properties":{"code":{"type":"string"},"message":{"type":"string"},"reason":{"type":"string"},
"retryable":{"type":"boolean"},"retry_after":{"type":"integer","minimum":1,"maximum":3600,
"description":"seconds after which another call may fare better"}}},"usage":{"type":"object"}}})"},
    {"JobList", R"({"type":"object","required":["jobs","next_cursor"],"properties":{
"jobs":{"type":"array","items":{"$ref":"#/components/schemas/Job"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"Output", R"({"type":"object","description":"the outputs by name"})"},
    {"File", R"({"type":"object","required":["id","size","content_type"],"properties":{
"id":{"type":"string","format":"uuid"},"size":{"type":"integer"},"sha256":{"type":"string"},
"content_type":{"type":"string"},"name":{"type":"string"},
"created_at":{"type":"string","format":"date-time"},
"expires_at":{"type":"string","format":"date-time"},"upload_url":{"type":"string"}}})"},
    {"UploadRequest", R"({"type":"object","required":["size","content_type"],
"additionalProperties":false,"properties":{"size":{"type":"integer","minimum":0},
"content_type":{"type":"string"}}})"},
    {"Capability",
     R"({"type":"object","required":["name","version","mode","versions"],"properties":{
"name":{"type":"string"},"version":{"type":"string"},"title":{"type":"string"},
"description":{"type":"string"},"tenant":{"type":"string"},"mode":{"enum":["once","stream"]},
"profile":{"type":"string"},"model":{"type":"string"},
"versions":{"type":"array","items":{"type":"string"}},
"created_at":{"type":"string","format":"date-time"},"interface":{"type":"object"},
"schemas":{"type":"object"}}})"},
    {"CapabilityList", R"({"type":"object","required":["capabilities"],"properties":{
"capabilities":{"type":"array","items":{"$ref":"#/components/schemas/Capability"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"Document", R"({"type":"object","description":"an OpenAPI 3.1 document"})"},
    {"SignIn", R"({"type":"object","additionalProperties":false,"maxProperties":1,"minProperties":1,
"properties":{"token":{"type":"string"},"key":{"type":"string"}}})"},
    {"Session", R"({"type":"object","required":["tenant","name","roles","system","csrf_token",
"expires_at"],"properties":{"tenant":{"type":"string"},"name":{"type":"string"},
"roles":{"type":"array","items":{"type":"string"}},"system":{"type":"boolean"},
"csrf_token":{"type":"string"},"expires_at":{"type":"string","format":"date-time"},
"client_url":{"type":"string","format":"uri"}}})"},
    {"SignInLink", R"({"type":"object","required":["token","path","expires_at"],"properties":{
"token":{"type":"string"},"path":{"type":"string"},
"expires_at":{"type":"string","format":"date-time"}}})"},
    {"Status", R"({"type":"object","required":["server","totals","queues","workers","warnings"],
"properties":{"server":{"type":"object"},"totals":{"type":"object"},
"queues":{"type":"array","items":{"type":"object"}},
"workers":{"type":"array","items":{"type":"object"}},
"warnings":{"type":"array","items":{"type":"object","properties":{"code":{"type":"string"},
"message":{"type":"string"}}}}}})"},
    {"StatusSeries", R"({"type":"object","required":["step_s","end"],"properties":{
"step_s":{"type":"integer"},"end":{"type":"string","format":"date-time"}},
"additionalProperties":{"type":"array","items":{"type":["number","null"]}}})"},
    {"Timeline", R"({"type":"object","required":["job","spans","logs"],"properties":{
"job":{"$ref":"#/components/schemas/Job"},"spans":{"type":"array","items":{"type":"object",
"required":["name","start","end"],"properties":{"name":{"enum":["accept","queue","attempt","output"]},
"attempt":{"type":"integer"},"worker":{"type":"string"},"start":{"type":"string","format":"date-time"},
"end":{"type":["string","null"],"format":"date-time"},"error":{"type":"string"}}}},
"logs":{"type":"array","items":{"type":"object"}},"input":{"type":"object"}}})"},
    {"Limits", R"({"type":"object","additionalProperties":false,
"description":"what is absent or 0 is no limit","properties":{
"requests_per_minute":{"type":"integer","minimum":0},"requests_per_day":{"type":"integer","minimum":0},
"tokens_per_minute":{"type":"integer","minimum":0},"concurrency":{"type":"integer","minimum":0}}})"},
    {"KeyRequest", R"({"type":"object","required":["name","role"],"additionalProperties":false,
"properties":{"name":{"type":"string"},
"role":{"enum":["admin","operator","developer","viewer","caller","worker"]},
"tenant":{"type":"string"},"app":{"type":"string"},"user":{"type":"string"},
"capabilities":{"type":"array","items":{"type":"string"},"description":"names, or ids of models"},
"addresses":{"type":"array","items":{"type":"string"},"description":"blocks such as 10.0.0.0/8"},
"limits":{"$ref":"#/components/schemas/Limits"},
"expires_at":{"type":"string","format":"date-time"}}})"},
    {"KeyChange", R"({"type":"object","additionalProperties":false,
"properties":{"name":{"type":"string"},"app":{"type":"string"},"user":{"type":"string"},
"capabilities":{"type":"array","items":{"type":"string"}},
"addresses":{"type":"array","items":{"type":"string"}},
"limits":{"$ref":"#/components/schemas/Limits"},
"expires_at":{"type":"string","format":"date-time"}}})"},
    {"KeyRotation", R"({"type":"object","additionalProperties":false,"properties":{
"overlap_s":{"type":"integer","minimum":0,"maximum":7776000,"default":86400}}})"},
    {"Key", R"({"type":"object","required":["id","name","role","tenant"],"properties":{
"id":{"type":"string"},"name":{"type":"string"},"role":{"type":"string"},
"tenant":{"type":"string"},"app":{"type":"string"},"user":{"type":"string"},
"capabilities":{"type":"array","items":{"type":"string"}},
"addresses":{"type":"array","items":{"type":"string"}},
"limits":{"$ref":"#/components/schemas/Limits"},
"created_at":{"type":"string","format":"date-time"},
"expires_at":{"type":"string","format":"date-time"},
"revoked_at":{"type":"string","format":"date-time"},
"rotated_at":{"type":"string","format":"date-time"},
"old_secret_until":{"type":"string","format":"date-time"},
"last_used_at":{"type":"string","format":"date-time"},
"key":{"type":"string","description":"the secret, in the answer to POST only"}}})"},
    {"KeyList", R"({"type":"object","required":["keys"],"properties":{
"keys":{"type":"array","items":{"$ref":"#/components/schemas/Key"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"UpstreamRequest", R"({"type":"object","additionalProperties":false,"properties":{
"name":{"type":"string"},"tenant":{"type":"string"},"kind":{"enum":["openai","fastchat"],"default":"openai"},
"base_url":{"type":"string","format":"uri"},"key":{"type":["string","null"]},
"models":{"type":"array","items":{"type":["string","object"],"properties":{"id":{"type":"string"},
"remote":{"type":"string"},"profile":{"enum":["chat","embed","rerank","transcribe","speak"]}}}},
"weight":{"type":"number","default":1},"priority":{"type":"integer","default":0},
"concurrency":{"type":"integer","default":0,"description":"0 = 1024"},
"timeouts":{"type":"object","description":"seconds","properties":{"connect":{"type":"number"},
"first_byte":{"type":"number"},"between":{"type":"number"},"total":{"type":"number"}}},
"failures":{"type":"integer","default":3},"probe_every":{"type":"number","default":15},
"headers":{"type":"object","additionalProperties":{"type":"string"}},
"options":{"type":"object","additionalProperties":{"type":"string"}},
"enabled":{"type":"boolean","default":true},"allow_private":{"type":"boolean"}}})"},
    {"Upstream", R"({"type":"object","required":["name","tenant","kind","base_url","health"],
"properties":{"name":{"type":"string"},"tenant":{"type":"string"},"kind":{"type":"string"},
"base_url":{"type":"string"},"has_key":{"type":"boolean"},
"models":{"type":"array","items":{"type":"object"}},"weight":{"type":"number"},
"priority":{"type":"integer"},"concurrency":{"type":"integer"},"timeouts":{"type":"object"},
"failures":{"type":"integer"},"probe_every":{"type":"number"},"headers":{"type":"object"},
"options":{"type":"object"},"enabled":{"type":"boolean"},"allow_private":{"type":"boolean"},
"origin":{"type":"string"},"health":{"type":"object","properties":{
"state":{"enum":["disabled","up","paused","open","half_open"]},"reason":{"type":"string"},
"since":{"type":"string","format":"date-time"},"until":{"type":"string","format":"date-time"},
"in_flight":{"type":"integer"},"calls":{"type":"integer"},"failures":{"type":"integer"},
"last_ok_at":{"type":"string","format":"date-time"},"last_error":{"type":"string"},
"last_error_at":{"type":"string","format":"date-time"},
"heard_at":{"type":"string","format":"date-time","description":"the last heart-beat"},
"prompt_tokens":{"type":"integer"},"completion_tokens":{"type":"integer"},
"load":{"type":"number"}}}}})"},
    {"UpstreamList", R"({"type":"object","required":["upstreams"],"properties":{
"upstreams":{"type":"array","items":{"$ref":"#/components/schemas/Upstream"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"UpstreamTest", R"({"type":"object","required":["ok","took_ms"],"properties":{
"ok":{"type":"boolean"},"message":{"type":"string"},"took_ms":{"type":"integer"},
"models":{"type":"array","items":{"type":"string"}}}})"},
    {"TenantRequest", R"({"type":"object","required":["name"],"additionalProperties":false,
"properties":{"name":{"type":"string"},"title":{"type":"string"},"enabled":{"type":"boolean"},
"limits":{"$ref":"#/components/schemas/Limits"},
"models":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Limits"}}}})"},
    {"TenantChange", R"({"type":"object","additionalProperties":false,
"properties":{"title":{"type":"string"},"enabled":{"type":"boolean"},
"limits":{"$ref":"#/components/schemas/Limits"},
"models":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Limits"}}}})"},
    {"Tenant", R"({"type":"object","required":["name","enabled"],
"properties":{"name":{"type":"string"},"title":{"type":"string"},"enabled":{"type":"boolean"},
"limits":{"$ref":"#/components/schemas/Limits"},
"models":{"type":"object","additionalProperties":{"$ref":"#/components/schemas/Limits"}},
"created_at":{"type":"string","format":"date-time"}}})"},
    {"TenantList", R"({"type":"object","required":["tenants"],"properties":{
"tenants":{"type":"array","items":{"$ref":"#/components/schemas/Tenant"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"AppRequest", R"({"type":"object","required":["name"],"additionalProperties":false,
"properties":{"name":{"type":"string"},"tenant":{"type":"string"},"title":{"type":"string"},
"enabled":{"type":"boolean"},"limits":{"$ref":"#/components/schemas/Limits"}}})"},
    {"AppChange", R"({"type":"object","additionalProperties":false,
"properties":{"title":{"type":"string"},"enabled":{"type":"boolean"},
"limits":{"$ref":"#/components/schemas/Limits"}}})"},
    {"App", R"({"type":"object","required":["name","tenant","enabled"],
"properties":{"name":{"type":"string"},"tenant":{"type":"string"},"title":{"type":"string"},
"enabled":{"type":"boolean"},"limits":{"$ref":"#/components/schemas/Limits"},
"created_at":{"type":"string","format":"date-time"}}})"},
    {"AppList", R"({"type":"object","required":["apps"],"properties":{
"apps":{"type":"array","items":{"$ref":"#/components/schemas/App"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"UserRequest", R"({"type":"object","required":["name"],"additionalProperties":false,
"properties":{"name":{"type":"string"},"tenant":{"type":"string"},"title":{"type":"string"},
"email":{"type":"string"},"role":{"type":"string"},"enabled":{"type":"boolean"}}})"},
    {"UserChange", R"({"type":"object","additionalProperties":false,
"properties":{"title":{"type":"string"},"email":{"type":"string"},"role":{"type":"string"},
"enabled":{"type":"boolean"}}})"},
    {"User", R"({"type":"object","required":["name","tenant","enabled","role"],
"properties":{"name":{"type":"string"},"tenant":{"type":"string"},"title":{"type":"string"},
"email":{"type":"string"},"role":{"type":"string"},"enabled":{"type":"boolean"},
"created_at":{"type":"string","format":"date-time"}}})"},
    {"UserList", R"({"type":"object","required":["users"],"properties":{
"users":{"type":"array","items":{"$ref":"#/components/schemas/User"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"Worker", R"({"type":"object","required":["id","name","state"],"properties":{
"id":{"type":"string","format":"uuid"},"name":{"type":"string"},"pid":{"type":"integer"},
"host":{"type":"string"},"state":{"enum":["loading","ready","busy","draining","lost"]},
"versions":{"type":"array","items":{"type":"string"}},"slots":{"type":"integer"},
"gpus":{"type":"array","items":{"type":"string"}},
"running":{"type":"integer"},"since":{"type":"string","format":"date-time"}}})"},
    {"WorkerList", R"({"type":"object","required":["workers"],"properties":{
"workers":{"type":"array","items":{"$ref":"#/components/schemas/Worker"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"Queue", R"({"type":"object","required":["capability","queued","running"],"properties":{
"capability":{"type":"string"},"queued":{"type":"integer"},"running":{"type":"integer"},
"workers":{"type":"integer"},"slots":{"type":"integer"},"free_slots":{"type":"integer"},
"paused":{"type":"boolean"},"draining":{"type":"boolean"},
"oldest_queued_at":{"type":"string","format":"date-time"},"average_run_s":{"type":"number"}}})"},
    {"QueueList", R"({"type":"object","required":["queues"],"properties":{
"queues":{"type":"array","items":{"$ref":"#/components/schemas/Queue"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"Purged",
     R"({"type":"object","required":["purged"],"properties":{"purged":{"type":"integer"}}})"},
    {"DeadLetterList", R"({"type":"object","required":["dead_letters","next_cursor"],"properties":{
"dead_letters":{"type":"array","items":{"$ref":"#/components/schemas/Job"}},
"next_cursor":{"type":["string","null"]}}})"},
    {"UsageList", R"({"type":"object","required":["usage","next_cursor"],"properties":{
"usage":{"type":"array","items":{"type":"object"}},"next_cursor":{"type":["string","null"]}}})"},
    {"UsageSummary", R"({"type":"object","required":["rows","records","complete"],"properties":{
"rows":{"type":"array","items":{"type":"object"}},"records":{"type":"integer"},
"complete":{"type":"boolean","description":"false when there were more records than are read"}}})"},
    {"Settings", R"({"type":"object","description":"the settings in force, secrets left out"})"},
    {"Reloaded", R"({"type":"object","properties":{"reloaded":{"type":"boolean"}}})"},
};

}  // namespace

void add_schemas(catalog::OpenApiDocument& document) {
    for (const auto& [name, text] : kSchemas) document.add_schema(name, json::parse(text));
}

}  // namespace headrace::protocols::native

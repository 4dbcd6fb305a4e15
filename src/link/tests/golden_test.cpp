// The bytes of one frame of each kind, kept as hex in tests/golden/link: the Python kit, which has
// a codec of its own, is held against the same files. HEADRACE_UPDATE_GOLDEN=1 writes them anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "base/digest.hpp"
#include "link/frame.pb.h"
#include "link/protocol.hpp"

namespace headrace::link {
namespace {

using wire::Frame;

const std::filesystem::path kFolder = HEADRACE_SOURCE_DIR "/tests/golden/link";

void fill(wire::JobRef* ref) {
    ref->set_job("0123456789abcdef");
    ref->set_epoch(3);
    ref->set_counter(300);
}

void fill(wire::Offer* offer) {
    offer->set_capability("echo");
    offer->set_version("1.0.0");
    offer->set_interface(R"({"mode":"once"})");
    offer->set_title("Echo");
    offer->set_description("says it again");
    offer->set_max_batch(64);
    offer->set_max_wait_ms(5);
    offer->set_slots(2);
    offer->set_stall_timeout_ms(60'000);
    offer->set_cancel_grace_ms(5'000);
    offer->set_memory_limit(std::uint64_t{1} << 32);
}

std::map<std::string, Frame> greetings() {
    std::map<std::string, Frame> all;
    auto* start = all["start"].mutable_start();
    fill(start->mutable_offer());
    start->set_directory("/srv/echo");
    start->set_entry("echo:Echo");
    start->set_cancel_grace_ms(5'000);
    start->set_worker_name("echo@1.0.0/0");
    start->set_settings(R"({"model":"m.gguf"})");
    auto* hello = all["hello"].mutable_hello();
    hello->set_protocol(kProtocol);
    hello->set_name("echo@1.0.0/0");
    hello->set_host("box");
    hello->set_pid(4'242);
    hello->set_kit("python 0.1.0");
    fill(hello->add_offers());
    hello->set_slots(2);
    hello->set_batch_limit(64);
    fill(hello->add_held());
    hello->set_resume("fedcba9876543210");
    auto* welcome = all["welcome"].mutable_welcome();
    welcome->set_protocol(kProtocol);
    welcome->set_worker("fedcba9876543210");
    welcome->set_epoch(3);
    welcome->set_heartbeat_ms(5'000);
    welcome->set_lease_ms(15'000);
    welcome->set_window(256 * 1024);
    fill(welcome->add_dropped());
    all["welcome_refused"].mutable_welcome()->set_error("the interface is another one");
    return all;
}

std::map<std::string, Frame> from_server() {
    std::map<std::string, Frame> all;
    auto* batch = all["lease"].mutable_lease()->add_batches();
    batch->set_offer(1);
    auto* job = batch->add_jobs();
    fill(job->mutable_ref());
    job->set_attempt(2);
    job->set_values("\x0a\x03\x0a\x01x");
    job->set_parts(1);
    job->set_timeout_ms(30'000);
    job->set_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    job->set_tenant("default");
    job->set_stream(true);
    job->set_stream_outputs(true);
    auto* large = batch->add_jobs();
    fill(large->mutable_ref());
    large->set_values_size(1'000'000);
    auto* chunk = all["input_chunk"].mutable_input();
    fill(chunk->mutable_ref());
    chunk->mutable_chunk()->set_part(1);
    chunk->mutable_chunk()->set_data(std::string("\x00\xff\x7f", 3));
    chunk->mutable_chunk()->set_last(true);
    auto* step = all["input_step"].mutable_input();
    fill(step->mutable_ref());
    step->mutable_step()->set_seq(7);
    step->mutable_step()->set_values("values");
    step->mutable_step()->set_last(true);
    fill(all["cancel"].mutable_cancel()->add_refs());
    all["cancel"].mutable_cancel()->set_reason("timeout");
    fill(all["refused"].mutable_refused()->mutable_ref());
    all["refused"].mutable_refused()->set_reason("fenced");
    all["kill"].mutable_kill()->set_reason("did not stop");
    return all;
}

std::map<std::string, Frame> from_worker() {
    std::map<std::string, Frame> all;
    all["credit"].mutable_credit()->add_offers(0);
    all["credit"].mutable_credit()->add_offers(300);
    all["credit"].mutable_credit()->set_slots(2);
    auto* progress = all["progress"].mutable_progress();
    fill(progress->mutable_ref());
    progress->set_fraction(0.25);
    progress->set_message("a quarter");
    progress->set_values("values");
    auto* output = all["output_step"].mutable_output();
    fill(output->mutable_ref());
    output->mutable_step()->set_seq(1);
    output->mutable_step()->set_values("values");
    auto* result = all["result"].mutable_result()->add_results();
    fill(result->mutable_ref());
    result->set_values("values");
    auto* meter = result->add_meters();
    meter->set_name("audio_seconds");
    meter->set_value(1.5);
    result->set_engine_us(1'500);
    auto* failure = all["failure"].mutable_failure()->add_failures();
    fill(failure->mutable_ref());
    failure->set_code("engine_failed");
    failure->set_message("the model says no");
    failure->set_retryable(true);
    failure->set_engine_us(12);
    auto* log = all["log"].mutable_log();
    fill(log->mutable_ref());
    log->set_stream("stderr");
    log->set_line("a line");
    log->set_at_ms(1'764'000'000'123);
    return all;
}

std::map<std::string, Frame> both_ways() {
    std::map<std::string, Frame> all;
    all["ping"].mutable_ping()->set_nonce(99);
    all["ping"].mutable_ping()->set_reply(true);
    all["drain"].mutable_drain()->set_reason("going");
    fill(all["window"].mutable_window()->mutable_ref());
    all["window"].mutable_window()->set_bytes(65'536);
    auto& numbered = all["numbered"];
    numbered.mutable_drain()->set_reason("going");
    numbered.mutable_delivery()->set_seq(5);
    numbered.mutable_delivery()->set_ack(300);
    return all;
}

TEST(Golden, EveryKindOfFrameHasItsBytes) {
    std::map<std::string, Frame> all = greetings();
    all.merge(from_server());
    all.merge(from_worker());
    all.merge(both_ways());
    const bool update = std::getenv("HEADRACE_UPDATE_GOLDEN") != nullptr;
    if (update) std::filesystem::create_directories(kFolder);
    for (const auto& [name, frame] : all) {
        const auto path = kFolder / (name + ".hex");
        const std::string hex = to_hex(frame.SerializeAsString()) + "\n";
        if (update) std::ofstream(path) << hex;
        std::ifstream file(path);
        ASSERT_TRUE(file) << path;
        const std::string kept{std::istreambuf_iterator<char>(file), {}};
        EXPECT_EQ(kept, hex) << name;
    }
}

}  // namespace
}  // namespace headrace::link

/* Gives back the text it was given, one word a step; each word keeps the spaces before it, so that
 * the parts joined are the text. */
#include "headrace/engine.h"

static const hr_host* host;

static int load(const hr_host* given, const hr_config* config, void** state, char* error,
                size_t error_size) {
    (void)config, (void)state, (void)error, (void)error_size;
    host = given;
    return HR_OK;
}

static int is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the word that begins at `at`, its leading spaces and, for the last word, the trailing
 * ones included. */
static size_t end_of_word(hr_bytes text, size_t at) {
    while (at < text.size && is_space(text.data[at])) ++at;
    while (at < text.size && !is_space(text.data[at])) ++at;
    size_t rest = at;
    while (rest < text.size && is_space(text.data[rest])) ++rest;
    return rest == text.size ? rest : at;
}

static int run(void* state, hr_job** jobs, size_t count) {
    (void)state, (void)count;
    hr_job* job = jobs[0];
    hr_bytes text;
    if (host->input_text(job, "text", 0, &text) != HR_OK) {
        return host->fail(job, "invalid_argument", "text is missing", 0);
    }
    size_t at = 0;
    do {
        const size_t end = end_of_word(text, at);
        host->output_text(job, "text", text.data + at, end - at);
        if (host->emit(job) != HR_OK) return HR_OK; /* cancelled */
        at = end;
    } while (at < text.size);
    return HR_OK;
}

static const hr_engine engine = {sizeof(hr_engine), HR_ABI_MAJOR, HR_ABI_MINOR, load, 0, 0, run, 0};

const hr_engine* hr_engine_entry(uint32_t host_major, uint32_t host_minor) {
    (void)host_minor;
    return host_major == HR_ABI_MAJOR ? &engine : 0;
}

/* Headrace engine ABI, version 1.1.
 *
 * A native engine is a shared library that exports one function, hr_engine_entry. The program
 * headrace-host loads it in a process of its own, so a crash costs the jobs that it held one
 * attempt and hurts nobody else.
 *
 * Rules
 * - The host asks first for the version; both sides refuse another major. Structs only grow at
 * their end; `size` tells how much the other side knows.
 * - load, warm_up and unload are called once, from one thread, with no run under way.
 * - run is called from one of `slots` threads, several at a time when slots > 1, never twice at a
 *   time on the same thread. cancel may be called from any thread while run is under way and must
 *   only set a flag or wake something.
 * - Handles (hr_job) live until run returns. Strings and bytes handed in are copied by the host;
 *   strings and bytes handed out stay the host's and live as long as the job.
 * - Text is UTF-8. Sizes are bytes. Functions that can fail return HR_OK or a negative HR_E code.
 * - The library must not write to standard output for anything but logs, must not fork, and must
 * not let a C++ exception out of a function.
 */
#ifndef HEADRACE_ENGINE_H
#define HEADRACE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HR_ABI_MAJOR 1u
#define HR_ABI_MINOR 1u

#if defined(_WIN32)
#define HR_EXPORT __declspec(dllexport)
#else
#define HR_EXPORT __attribute__((visibility("default")))
#endif

typedef struct hr_job hr_job; /* one running job; opaque, the host's */

enum {
    HR_OK = 0,
    HR_END = 1,          /* hr_next_input: the input has ended */
    HR_E_NOT_FOUND = -1, /* no such field, or no such index */
    HR_E_TYPE = -2,      /* the field holds another type */
    HR_E_ARGUMENT = -3,  /* a null pointer, a size out of range */
    HR_E_CANCELLED = -4, /* the job was cancelled while waiting */
    HR_E_TIMEOUT = -5,   /* nothing came in time */
    HR_E_FAILED = -6     /* the host could not do it; the job will end as failed */
};

enum {
    HR_BOOL = 1,
    HR_INT8,
    HR_INT16,
    HR_INT32,
    HR_INT64,
    HR_UINT8,
    HR_UINT16,
    HR_UINT32,
    HR_UINT64,
    HR_FP16,
    HR_BF16,
    HR_FP32,
    HR_FP64,
    HR_BYTES
};

typedef struct hr_bytes {
    const char* data;
    size_t size;
} hr_bytes;

typedef struct hr_tensor {
    uint32_t dtype; /* HR_FP32 ... */
    uint32_t rank;
    const int64_t* shape; /* rank numbers */
    const void* data;     /* row-major, little-endian */
    size_t size;          /* bytes */
} hr_tensor;

typedef struct hr_media {
    const char* content_type; /* zero-terminated */
    const char* path;         /* a file that holds it, zero-terminated; null when in memory */
    const char* data;         /* null when only in a file */
    uint64_t size;
} hr_media;

/* What the host offers. `index` counts within a field of several values; 0 for a single one. */
typedef struct hr_host {
    size_t size;

    /* Input. */
    size_t (*input_count)(hr_job* job, const char* name); /* 0 = absent or null */
    int (*input_text)(hr_job* job, const char* name, size_t index, hr_bytes* out);
    int (*input_int)(hr_job* job, const char* name, size_t index, int64_t* out);
    int (*input_float)(hr_job* job, const char* name, size_t index, double* out);
    int (*input_bool)(hr_job* job, const char* name, size_t index, int* out);
    int (*input_json)(hr_job* job, const char* name, size_t index, hr_bytes* out);
    int (*input_tensor)(hr_job* job, const char* name, size_t index, hr_tensor* out);
    int (*input_media)(hr_job* job, const char* name, size_t index, hr_media* out);
    /* Sessions: waits for the next step and makes its values the job's input (valid until the next
     * call). timeout_ms < 0 waits for ever. HR_OK, HR_END, HR_E_TIMEOUT or HR_E_CANCELLED. */
    int (*next_input)(hr_job* job, int timeout_ms);

    /* Output. Setting a name again adds a further value (count > 1). */
    int (*output_text)(hr_job* job, const char* name, const char* text, size_t size);
    int (*output_int)(hr_job* job, const char* name, int64_t value);
    int (*output_float)(hr_job* job, const char* name, double value);
    int (*output_bool)(hr_job* job, const char* name, int value);
    int (*output_json)(hr_job* job, const char* name, const char* text, size_t size);
    int (*output_tensor)(hr_job* job, const char* name, const hr_tensor* tensor);
    int (*output_media)(hr_job* job, const char* name, const char* content_type, const void* data,
                        size_t size);
    /* Sends what was set since the last emit as one streamed step. What is set after the last emit
     * goes with the result. */
    int (*emit)(hr_job* job);

    /* While running. */
    int (*progress)(hr_job* job, double fraction, const char* message); /* fraction < 0: unknown */
    int (*cancelled)(hr_job* job);                                      /* 1 = stop soon */
    void (*usage)(hr_job* job, const char* meter, double value);        /* adds up */
    void (*log)(hr_job* job, const char* line); /* job may be null: the engine's own log */
    /* Ends the job as failed. code: an ErrorCode word or one of the interface's error codes. */
    int (*fail)(hr_job* job, const char* code, const char* message, int retryable);

    /* About the job. */
    const char* (*job_id)(hr_job* job);
    uint32_t (*attempt)(hr_job* job);
    const char* (*traceparent)(hr_job* job); /* empty when there is none */
    int (*wants_stream)(hr_job* job);        /* 1 = somebody listens to streamed steps */
    void* (*user_data)(hr_job* job);         /* what set_user_data set, null before */
    void (*set_user_data)(hr_job* job, void* data);
} hr_host;

typedef struct hr_config {
    size_t size;
    const char* capability;
    const char* version;
    const char* directory; /* the engine's folder */
    const char* interface_json;
    uint32_t slots;
    uint32_t max_batch;
    /* Since 1.1: [settings] of engine.toml as the text of a JSON object; empty when there are none.
     * Look at `size` before reading it. */
    const char* settings_json;
} hr_config;

/* What the engine offers. Null members (other than run) mean: nothing to do. */
typedef struct hr_engine {
    size_t size;
    uint32_t abi_major;
    uint32_t abi_minor;

    /* *state is handed back to every later call. On failure, write a zero-terminated reason of at
     * most error_size bytes and return a negative code. */
    int (*load)(const hr_host* host, const hr_config* config, void** state, char* error,
                size_t error_size);
    int (*warm_up)(void* state);
    void (*unload)(void* state);

    /* Runs `count` jobs together (1 unless the engine batches; a session is always alone).
     * Returning HR_OK ends every job that was not failed; a negative code fails those that are
     * left. */
    int (*run)(void* state, hr_job** jobs, size_t count);
    void (*cancel)(void* state, hr_job* job);
} hr_engine;

/* The one exported function. host_major is the host's; return null to refuse. */
HR_EXPORT const hr_engine* hr_engine_entry(uint32_t host_major, uint32_t host_minor);

#ifdef __cplusplus
}
#endif

#endif /* HEADRACE_ENGINE_H */

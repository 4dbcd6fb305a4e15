# The release that its own bench has trained: `generate` builds what counts as it runs, `use` what was counted (scripts/pgo.sh).
# Both share one folder, so that what no request runs through is compiled once.
set(HEADRACE_PROFILE "" CACHE STRING "generate: count while running; use: optimise by what was counted")
set(HEADRACE_PROFILE_DATA ${CMAKE_BINARY_DIR}/profile)

# The rooms that requests run through, and what they run through in the program's own.
set(HEADRACE_PROFILED access base catalog http jobs link link_frames link_frames_proto native openai stores_sqlite
  telemetry upstreams workers_hub)
set(HEADRACE_PROFILED_OF_PROGRAM gen_ai.cpp http_metrics.cpp job_metrics.cpp limit_charges.cpp llm_answer.cpp llm_calls.cpp
  llm_metrics.cpp overload_guard.cpp redaction.cpp request_lines.cpp request_log.cpp sampler.cpp tracer.cpp)

if(HEADRACE_PROFILE)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    message(FATAL_ERROR "HEADRACE_PROFILE is for release builds by g++")
  endif()
  if(HEADRACE_PROFILE STREQUAL "generate")
    set(profile_flags -fprofile-generate=${HEADRACE_PROFILE_DATA} -fprofile-update=prefer-atomic)
    add_link_options(-fprofile-generate)
  elseif(HEADRACE_PROFILE STREQUAL "use")
    # Partial: what training has not run is optimised as ever, not for size. Correction: threads were still
    # counting when the counts were written.
    set(profile_flags -fprofile-use=${HEADRACE_PROFILE_DATA} -fprofile-partial-training -fprofile-correction
      -Wno-missing-profile)
  else()
    message(FATAL_ERROR "HEADRACE_PROFILE is generate or use")
  endif()
endif()

# headrace_profile(TARGET source...): on the sources, not on the target, whose precompiled header others share.
function(headrace_profile target)
  if(NOT HEADRACE_PROFILE)
    return()
  endif()
  if(target STREQUAL "program")
    set(sources ${HEADRACE_PROFILED_OF_PROGRAM})
  elseif(target IN_LIST HEADRACE_PROFILED)
    set(sources ${ARGN})
  endif()
  if(sources)
    set_property(SOURCE ${sources} APPEND PROPERTY COMPILE_OPTIONS ${profile_flags})
  endif()
endfunction()

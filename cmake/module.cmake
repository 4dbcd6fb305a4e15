# headrace_module(NAME jobs SOURCES a.cpp ... DEPS base catalog ... [PROTOS x.proto ...])
# One static library per room, named as the room; sources are listed by hand.
# headrace_test(NAME jobs_test SOURCES tests/a_test.cpp ... DEPS jobs ...) registers a GoogleTest program.
# A room's precompiled header is that of base: a file with Asio costs a quarter of the time with it.
include(GoogleTest)

function(headrace_common target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  if(NOT target STREQUAL "base")
    target_precompile_headers(${target} REUSE_FROM base)
  endif()
endfunction()

function(headrace_module)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPS;PROTOS" ${ARGN})
  add_library(${M_NAME} STATIC ${M_SOURCES})
  headrace_common(${M_NAME})
  headrace_profile(${M_NAME} ${M_SOURCES})
  target_link_libraries(${M_NAME} PUBLIC ${M_DEPS})
  if(M_PROTOS)
    # Generated code is not ours to warn about, so it is a library of its own.
    add_library(${M_NAME}_proto STATIC)
    foreach(proto ${M_PROTOS})
      cmake_path(GET proto STEM stem)
      file(RELATIVE_PATH room ${PROJECT_SOURCE_DIR}/src ${CMAKE_CURRENT_SOURCE_DIR})
      set(out ${CMAKE_BINARY_DIR}/proto/${room}/${stem}.pb)
      add_custom_command(OUTPUT ${out}.cc ${out}.h
        COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/proto
        COMMAND protobuf::protoc --cpp_out=${CMAKE_BINARY_DIR}/proto -I ${PROJECT_SOURCE_DIR}/src
                ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
        DEPENDS ${proto} VERBATIM)
      target_sources(${M_NAME}_proto PRIVATE ${out}.cc)
      headrace_profile(${M_NAME}_proto ${out}.cc)
    endforeach()
    target_include_directories(${M_NAME}_proto SYSTEM PUBLIC ${CMAKE_BINARY_DIR}/proto)
    target_compile_options(${M_NAME}_proto PRIVATE -w)
    target_link_libraries(${M_NAME}_proto PUBLIC protobuf::libprotobuf-lite)
    target_link_libraries(${M_NAME} PUBLIC ${M_NAME}_proto)
  endif()
endfunction()

function(headrace_program)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPS" ${ARGN})
  add_executable(${M_NAME} ${M_SOURCES})
  headrace_common(${M_NAME})
  target_link_libraries(${M_NAME} PRIVATE ${M_DEPS})
endfunction()

function(headrace_test)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPS" ${ARGN})
  if(NOT HEADRACE_TESTS)
    return()
  endif()
  add_executable(${M_NAME} ${M_SOURCES})
  headrace_common(${M_NAME})
  target_compile_definitions(${M_NAME} PRIVATE HEADRACE_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(${M_NAME} PRIVATE ${M_DEPS} GTest::gtest GTest::gtest_main GTest::gmock)
  add_test(NAME ${M_NAME} COMMAND ${M_NAME} --gtest_brief=1)
endfunction()

# headrace_fuzz(NAME fuzz_json SOURCES x.cpp DEPS base ...): a libFuzzer target, clang builds only.
function(headrace_fuzz)
  cmake_parse_arguments(M "" "NAME" "SOURCES;DEPS" ${ARGN})
  if(NOT HEADRACE_FUZZ)
    return()
  endif()
  add_executable(${M_NAME} ${M_SOURCES})
  headrace_common(${M_NAME})
  target_link_libraries(${M_NAME} PRIVATE ${M_DEPS})
  target_link_options(${M_NAME} PRIVATE -fsanitize=fuzzer)
endfunction()

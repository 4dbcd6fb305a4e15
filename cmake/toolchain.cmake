# Compiler and linker settings shared by every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(HEADRACE_TESTS "build the unit tests and simulations" ON)
option(HEADRACE_BENCH "build the benchmark programs" OFF)
option(HEADRACE_FUZZ "build the libFuzzer targets (clang only)" OFF)
set(HEADRACE_SANITIZE "" CACHE STRING "address, undefined, both with a comma, or thread")

# Nothing is installed by default: every binary lies at the top of its build folder.
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# The dev build holds every warning as an error. The optimizer of g++ 12 sees bounds broken inside
# std::string where there are none (GCC bug 105651), so the release does not.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wvla -pipe
    -Wno-array-bounds -Wno-stringop-overread -Wno-stringop-overflow)
else()
  add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Werror -Wvla -pipe)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 reports these falsely inside coroutine frames and std::string (GCC bugs 105329, 105562, 109224).
  add_compile_options(-fpch-preprocess -Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
    $<$<COMPILE_LANGUAGE:CXX>:-Wno-mismatched-new-delete>)
endif()
# One setting for libraries and programs, or they could not share a precompiled header.
add_compile_options(-fPIE -fstack-protector-strong)
string(APPEND CMAKE_EXE_LINKER_FLAGS " -pie")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-D_FORTIFY_SOURCE=2 -fstack-clash-protection -fcf-protection)
endif()
add_link_options(-Wl,-z,relro,-z,now)

if(HEADRACE_SANITIZE)
  add_compile_options(-fsanitize=${HEADRACE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEADRACE_SANITIZE})
  if(HEADRACE_SANITIZE STREQUAL "thread")
    add_compile_options(-Wno-tsan)
  endif()
  if(HEADRACE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=all)
  endif()
endif()

# Asio, Beast and JSON are compiled once, not in every file that includes them.
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_JSON_DYN_LINK BOOST_ASIO_NO_DEPRECATED BOOST_ALLOW_DEPRECATED_HEADERS)

# Asio takes its frames from aligned_alloc, which glibc serves past the thread's cache, although it
# never asks for more alignment than operator new gives: a third of a job's allocations.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(BOOST_ASIO_DISABLE_STD_ALIGNED_ALLOC BOOST_ASIO_DISABLE_BOOST_ALIGN)
endif()

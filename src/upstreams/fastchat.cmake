# The parts of FastChat's worker protocol that need no server, and the dialer over them.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${CMAKE_CURRENT_LIST_DIR}/fastchat_templates.json)
file(READ ${CMAKE_CURRENT_LIST_DIR}/fastchat_templates.json FASTCHAT_TEMPLATES)
configure_file(${CMAKE_CURRENT_LIST_DIR}/fastchat_templates.cpp.in
  ${CMAKE_BINARY_DIR}/generated/fastchat_templates.cpp @ONLY)
set(fastchat ${CMAKE_CURRENT_LIST_DIR})

headrace_module(NAME fastchat_worker
  SOURCES ${fastchat}/fastchat_chat.cpp ${fastchat}/fastchat_chunks.cpp ${fastchat}/fastchat_prompt.cpp
          ${fastchat}/fastchat_template.cpp ${fastchat}/fastchat_tools.cpp ${fastchat}/fastchat_worker.cpp
          ${CMAKE_BINARY_DIR}/generated/fastchat_templates.cpp
  DEPS catalog base)
headrace_test(NAME fastchat_worker_test
  SOURCES ${fastchat}/tests/fastchat_prompt_test.cpp ${fastchat}/tests/fastchat_chunks_test.cpp
          ${fastchat}/tests/fastchat_tools_test.cpp ${fastchat}/tests/fastchat_worker_test.cpp
  DEPS fastchat_worker)
# Renders prompts for tests/fastchat, which holds them against the installed package.
if(HEADRACE_TESTS)
  headrace_program(NAME fastchat_render SOURCES ${fastchat}/tests/fastchat_render.cpp DEPS fastchat_worker)
endif()

# SPDX-License-Identifier: Apache-2.0
# Compiler settings as an INTERFACE target, and the one way to make a module.

add_library(octroi_settings INTERFACE)
target_compile_features(octroi_settings INTERFACE cxx_std_20)
target_include_directories(octroi_settings INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(octroi_settings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wimplicit-fallthrough -Werror
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-gnu-zero-variadic-macro-arguments>)

# Seen only by the link-time optimiser. An ODR violation is a bug; the overflow
# it finds in fmt 9's format-spec parser is a false alarm of GCC 12.
target_link_options(octroi_settings INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Werror=odr>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)

# Whatever is linked is bound before main() and read-only from then on.
target_link_options(octroi_settings INTERFACE -Wl,-z,relro,-z,now)

if(OCTROI_SANITIZE)
  target_compile_options(octroi_settings INTERFACE
    -fsanitize=${OCTROI_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(octroi_settings INTERFACE
    -fsanitize=${OCTROI_SANITIZE})
endif()
if(OCTROI_FUZZ)
  target_compile_options(octroi_settings INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(OCTROI_COVERAGE)
  target_compile_options(octroi_settings INTERFACE --coverage)
  target_link_options(octroi_settings INTERFACE --coverage)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

# octroi_library(NAME geo SRCS a.cc b.cc DEPS octroi::x absl::status)
# makes the static library octroi_geo with the alias octroi::geo.
function(octroi_library)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS;PRIVATE_DEPS" ${ARGN})
  add_library(octroi_${ARG_NAME} STATIC ${ARG_SRCS})
  add_library(octroi::${ARG_NAME} ALIAS octroi_${ARG_NAME})
  target_link_libraries(octroi_${ARG_NAME}
    PUBLIC octroi_settings ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
endfunction()

# octroi_test(NAME geo SRCS a_test.cc DEPS octroi::geo)
# makes one GoogleTest program and registers each of its tests with ctest.
function(octroi_test)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(octroi_${ARG_NAME}_test ${ARG_SRCS})
  target_link_libraries(octroi_${ARG_NAME}_test
    PRIVATE octroi_settings ${ARG_DEPS} octroi_test_support
            GTest::gmock GTest::gtest_main)
  gtest_discover_tests(octroi_${ARG_NAME}_test
    DISCOVERY_MODE PRE_TEST
    PROPERTIES TIMEOUT 600)
endfunction()

# octroi_fuzz(NAME decode SRCS decode_fuzz.cc DEPS octroi::hotpath)
# makes one libFuzzer program and the ctest Fuzz.decode, which runs the corpus
# in corpus/decode (if there is one), then new inputs for OCTROI_FUZZ_SECONDS.
# New corpus entries and failing inputs go to the build tree. The build target
# octroi_fuzz_targets makes all of them.
if(OCTROI_FUZZ)
  set(OCTROI_FUZZ_SECONDS 30 CACHE STRING "How long ctest runs a fuzz target")
  add_custom_target(octroi_fuzz_targets)
endif()
function(octroi_fuzz)
  cmake_parse_arguments(ARG "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(octroi_${ARG_NAME}_fuzz ${ARG_SRCS})
  target_link_libraries(octroi_${ARG_NAME}_fuzz
    PRIVATE octroi_settings ${ARG_DEPS})
  target_link_options(octroi_${ARG_NAME}_fuzz PRIVATE -fsanitize=fuzzer)
  add_dependencies(octroi_fuzz_targets octroi_${ARG_NAME}_fuzz)

  set(found_inputs ${CMAKE_CURRENT_BINARY_DIR}/corpus/${ARG_NAME})
  file(MAKE_DIRECTORY ${found_inputs})
  set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${ARG_NAME})
  if(NOT IS_DIRECTORY ${corpus})
    set(corpus "")
  endif()
  math(EXPR timeout_seconds "${OCTROI_FUZZ_SECONDS} + 300")
  add_test(NAME Fuzz.${ARG_NAME}
    COMMAND octroi_${ARG_NAME}_fuzz -max_total_time=${OCTROI_FUZZ_SECONDS}
      -timeout=20 -rss_limit_mb=2048 -print_final_stats=1
      -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}-
      ${found_inputs} ${corpus})
  set_tests_properties(Fuzz.${ARG_NAME} PROPERTIES TIMEOUT ${timeout_seconds})
endfunction()

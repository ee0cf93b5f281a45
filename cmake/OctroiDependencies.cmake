# SPDX-License-Identifier: Apache-2.0
# Every third-party library, all from Debian packages. Which file may include
# which is checked by tools/tidy.py.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)
pkg_check_modules(MAXMINDDB REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
find_program(XZ xz REQUIRED)

if(OCTROI_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()
if(OCTROI_BENCH)
  find_package(benchmark REQUIRED)
endif()

# OCTROI_HAVE_DPDK says whether sources that need DPDK are built.
set(OCTROI_HAVE_DPDK OFF)
if(NOT OCTROI_DPDK STREQUAL "OFF")
  pkg_check_modules(DPDK IMPORTED_TARGET libdpdk)
  if(DPDK_FOUND)
    set(OCTROI_HAVE_DPDK ON)
    message(STATUS "DPDK ${DPDK_VERSION}: found")
  elseif(OCTROI_DPDK STREQUAL "ON")
    message(FATAL_ERROR "OCTROI_DPDK=ON, but pkg-config finds no libdpdk; "
                        "install libdpdk-dev or set OCTROI_DPDK=OFF")
  else()
    message(STATUS "DPDK: not found, built without (OCTROI_DPDK=AUTO)")
  endif()
endif()

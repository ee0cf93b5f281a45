# SPDX-License-Identifier: Apache-2.0
# Joins the parts of the landing page to one document, and writes it as a C++
# source with its Content-Security-Policy, which names the digest of each inline
# block: nothing else may run or style the page.
#
#   cmake -DPARTS=agent/landing_page -DSCRIPTS=a.js,b.js -DOUTPUT=x.cc
#         -P cmake/EmbedLandingPage.cmake
#
# Beside x.cc stand x.html, the document, and x.policy, for tests.

# The base64 (RFC 4648) of bytes in hexadecimal, for digests: 6 digits at a time.
function(base64_of_hex hex result)
  set(alphabet
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  string(LENGTH "${hex}" length)
  set(text "")
  foreach(at RANGE 0 ${length} 6)
    string(SUBSTRING "${hex}000000" ${at} 6 group)
    math(EXPR rest "${length} - ${at}")
    set(wanted 4)
    if(rest EQUAL 0)
      break()
    elseif(rest EQUAL 2)
      set(wanted 2)
    elseif(rest EQUAL 4)
      set(wanted 3)
    endif()
    foreach(shift 18 12 6 0)
      if(wanted EQUAL 0)
        string(APPEND text "=")
      else()
        math(EXPR index "(0x${group} >> ${shift}) & 63")
        string(SUBSTRING "${alphabet}" ${index} 1 letter)
        string(APPEND text "${letter}")
        math(EXPR wanted "${wanted} - 1")
      endif()
    endforeach()
  endforeach()
  set(${result} "${text}" PARENT_SCOPE)
endfunction()

function(source_of text result)
  string(SHA256 digest "${text}")
  base64_of_hex("${digest}" digest)
  set(${result} "'sha256-${digest}'" PARENT_SCOPE)
endfunction()

file(READ ${PARTS}/index.html page)
file(READ ${PARTS}/style.css style)
file(READ ${PARTS}/world_map.js world)
string(REPLACE "," ";" SCRIPTS "${SCRIPTS}")
set(script "")
foreach(name IN LISTS SCRIPTS)
  file(READ ${PARTS}/${name} part)
  string(APPEND script "${part}")
endforeach()

source_of("${style}" style_source)
source_of("${world}" world_source)
source_of("${script}" script_source)
string(REPLACE "@STYLE@" "${style}" page "${page}")
string(REPLACE "@WORLD@" "${world}" page "${page}")
string(REPLACE "@SCRIPT@" "${script}" page "${page}")

string(CONCAT policy "default-src 'none'; connect-src 'self'; "
  "img-src data:; style-src ${style_source}; "
  "script-src ${world_source} ${script_source}; "
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
  "require-trusted-types-for 'script'; trusted-types 'none'")

string(FIND "${page}" ")octroi_page\"" at)
if(NOT at EQUAL -1)
  message(FATAL_ERROR "${PARTS}: holds the end of a raw string literal")
endif()
file(WRITE ${OUTPUT} "// Written by cmake/EmbedLandingPage.cmake.
#include \"agent/landing_page.h\"

namespace octroi {

std::string_view LandingPage() {
  static constexpr std::string_view kPage = R\"octroi_page(${page})octroi_page\";
  return kPage;
}

std::string_view LandingPagePolicy() {
  return \"${policy}\";
}

}  // namespace octroi
")
string(REGEX REPLACE "\\.cc$" "" stem "${OUTPUT}")
file(WRITE ${stem}.html "${page}")
file(WRITE ${stem}.policy "${policy}")

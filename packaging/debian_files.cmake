# SPDX-License-Identifier: Apache-2.0
# Run by cpack on the installed tree before it becomes a .deb: what Debian
# policy wants of a package, and an installation from source has no use for.
set(source ${CPACK_OCTROI_SOURCE})
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
set(doc ${share}/doc/octroi)

function(compress from to)
  execute_process(COMMAND gzip -9nc ${from} OUTPUT_FILE ${to}
    COMMAND_ERROR_IS_FATAL ANY)
  file(CHMOD ${to} PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
endfunction()

file(COPY ${source}/packaging/debian/copyright DESTINATION ${doc})
compress(${source}/packaging/debian/changelog ${doc}/changelog.Debian.gz)
compress(${source}/CHANGELOG.md ${doc}/changelog.gz)
file(COPY ${source}/packaging/debian/lintian-overrides
  DESTINATION ${share}/lintian/overrides)
file(RENAME ${share}/lintian/overrides/lintian-overrides
  ${share}/lintian/overrides/octroi)

# The compiler's name, which stripping leaves.
execute_process(
  COMMAND strip --remove-section=.comment
    ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/bin/octroi
  COMMAND_ERROR_IS_FATAL ANY)

# Debian keeps the Apache License in /usr/share/common-licenses, and copyright
# refers to it.
file(REMOVE ${doc}/LICENSE)

# SPDX-License-Identifier: GPL-2.0-or-later
# What is installed besides the programs, and the packages that are made of it: cmake --build --preset release --target
# package. `./run --package` does the same in a place that is easy to find.
#
# A component is a package: xenbaked, xenmon, dev (libxenmon-dev), and xenmon-exporter if it is built.
set(package_files ${CMAKE_CURRENT_LIST_DIR})

# ---- the service

# The path of the program is known only when it is installed.
install(CODE "
  set(XENBAKED \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_SBINDIR}/xenbaked\")
  configure_file(\"${PROJECT_SOURCE_DIR}/xenbaked/systemd/xenbaked.service.in\"
    \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/lib/systemd/system/xenbaked.service\" @ONLY FILE_PERMISSIONS
    OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)" COMPONENT xenbaked)
install(FILES ${PROJECT_SOURCE_DIR}/xenbaked/systemd/xenmon.sysusers RENAME xenmon.conf
  DESTINATION lib/sysusers.d COMPONENT xenbaked)

# ---- documents

# install_compressed(FILE NAME DIRECTORY COMPONENT): as NAME.gz below the prefix, the same bytes each time.
function(install_compressed file name directory component)
  install(CODE "
    set(target \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${directory}/${name}.gz\")
    file(MAKE_DIRECTORY \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${directory}\")
    execute_process(COMMAND gzip -9nc \"${file}\" OUTPUT_FILE \"\${target}\" COMMAND_ERROR_IS_FATAL ANY)
    file(CHMOD \"\${target}\" PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
    message(STATUS \"Installing: \${target}\")" COMPONENT ${component})
endfunction()

install_compressed(${PROJECT_SOURCE_DIR}/docs/man/xenbaked.8 xenbaked.8 ${CMAKE_INSTALL_MANDIR}/man8 xenbaked)
install_compressed(${PROJECT_SOURCE_DIR}/docs/man/xenmon.1 xenmon.1 ${CMAKE_INSTALL_MANDIR}/man1 xenmon)

if(XENMON_EXPORTER)
  install_compressed(${PROJECT_SOURCE_DIR}/docs/man/xenmon-exporter.8 xenmon-exporter.8 ${CMAKE_INSTALL_MANDIR}/man8
    xenmon-exporter)
endif()

set(doc ${CMAKE_INSTALL_DATADIR}/doc)
install(FILES ${PROJECT_SOURCE_DIR}/docs/operation.md ${PROJECT_SOURCE_DIR}/docs/SECURITY.md
  DESTINATION ${doc}/xenbaked COMPONENT xenbaked)
install(FILES ${PROJECT_SOURCE_DIR}/xenbaked/systemd/logrotate.example
  DESTINATION ${doc}/xenmon/examples COMPONENT xenmon)
install(FILES ${PROJECT_SOURCE_DIR}/docs/screen.md ${PROJECT_SOURCE_DIR}/docs/logs.md
  ${PROJECT_SOURCE_DIR}/docs/metrics.md ${PROJECT_SOURCE_DIR}/docs/examples.md
  DESTINATION ${doc}/xenmon COMPONENT xenmon)
# Something to look at where there is no Xen.
install(FILES ${PROJECT_SOURCE_DIR}/tests/data/recordings/web-credit2-patched.xentrace.xz
  ${PROJECT_SOURCE_DIR}/tests/data/recordings/web-credit2-patched.xentrace.json
  DESTINATION ${doc}/xenmon/examples COMPONENT xenmon)
install(FILES ${PROJECT_SOURCE_DIR}/docs/region.md DESTINATION ${doc}/libxenmon-dev COMPONENT dev)

# ---- for which release, by whom, and when

set(XENMON_MAINTAINER "The XenMon authors <xenmon@lists.xenmon.example.org>" CACHE STRING
  "Name and mail address of whoever answers for the packages")
set(release_id unknown)
set(XENMON_RELEASE_NAME unstable)
set(release_number "")
if(EXISTS /etc/os-release)
  file(STRINGS /etc/os-release os_release)
  foreach(line ${os_release})
    if(line MATCHES "^ID=\"?([a-z]+)")
      set(release_id ${CMAKE_MATCH_1})
    elseif(line MATCHES "^VERSION_CODENAME=\"?([a-z]+)")
      set(XENMON_RELEASE_NAME ${CMAKE_MATCH_1})
    elseif(line MATCHES "^VERSION_ID=\"?([0-9]+)")
      set(release_number ${CMAKE_MATCH_1})
    endif()
  endforeach()
endif()
# As Debian's own backports: a package of a newer release is a newer version.
set(deb_revision 1)
if(release_id STREQUAL "debian" AND release_number)
  set(deb_revision 1~deb${release_number})
endif()
set(XENMON_DEB_VERSION ${PROJECT_VERSION}-${deb_revision})

# The date of what is packaged, so that the same source makes the same package.
if(DEFINED ENV{SOURCE_DATE_EPOCH})
  set(epoch $ENV{SOURCE_DATE_EPOCH})
else()
  find_package(Git QUIET)
  if(Git_FOUND)
    execute_process(COMMAND ${GIT_EXECUTABLE} log -1 --format=%ct WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
      OUTPUT_VARIABLE epoch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(NOT epoch)
    file(TIMESTAMP ${PROJECT_SOURCE_DIR}/CHANGELOG.md epoch %s UTC)
  endif()
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E env LC_ALL=C date -u -R -d @${epoch}
  OUTPUT_VARIABLE XENMON_SOURCE_DATE OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)

execute_process(COMMAND date -u +%Y -d @${epoch} OUTPUT_VARIABLE XENMON_YEAR OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)

# Debian's copyright file has the words of the licence that is not on every Debian system.
file(READ ${PROJECT_SOURCE_DIR}/LICENSE licences)
string(FIND "${licences}" "Permission is hereby granted" begin)
string(SUBSTRING "${licences}" ${begin} -1 licences)
string(FIND "${licences}" "\n------" end)
string(SUBSTRING "${licences}" 0 ${end} MIT_TEXT)
string(STRIP "${MIT_TEXT}" MIT_TEXT)
string(REPLACE "\n\n" "\n.\n" MIT_TEXT "${MIT_TEXT}")
string(REPLACE "\n" "\n " MIT_TEXT " ${MIT_TEXT}")
configure_file(${package_files}/copyright.in ${PROJECT_BINARY_DIR}/package/copyright @ONLY)

set(pairs xenbaked=xenbaked xenmon=xenmon libxenmon-dev=dev)
if(XENMON_EXPORTER)
  list(APPEND pairs xenmon-exporter=xenmon-exporter)
endif()
foreach(pair ${pairs})
  string(REPLACE "=" ";" pair ${pair})
  list(GET pair 0 PACKAGE)
  list(GET pair 1 component)
  configure_file(${package_files}/changelog.in ${PROJECT_BINARY_DIR}/package/changelog.${PACKAGE} @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/copyright DESTINATION ${doc}/${PACKAGE} COMPONENT ${component})
  install_compressed(${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog ${doc}/${PACKAGE} ${component})
  if(EXISTS /etc/debian_version)
    install_compressed(${PROJECT_BINARY_DIR}/package/changelog.${PACKAGE} changelog.Debian ${doc}/${PACKAGE} ${component})
  endif()
endforeach()

# ---- packages

set(CPACK_PACKAGE_NAME xenmon)
set(CPACK_PACKAGE_VENDOR "The XenMon authors")
set(CPACK_PACKAGE_CONTACT "${XENMON_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_COMPONENTS_ALL xenbaked xenmon dev)
if(XENMON_EXPORTER)
  list(APPEND CPACK_COMPONENTS_ALL xenmon-exporter)
endif()
set(CPACK_STRIP_FILES ON)
set(CPACK_GENERATOR DEB)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ
  WORLD_EXECUTE)

set(xenbaked_summary "accounts for the time of Xen's domains (daemon)")
set(xenbaked_text "xenbaked reads Xen's trace buffers in Dom0 and works out where each domain's
time goes: how long it ran, waited for a CPU, and was blocked. It publishes
the figures for xenmon. It also plays recordings of xentrace, which needs no
Xen.")
set(xenmon_summary "shows where the time of Xen's domains goes")
set(xenmon_text "xenmon shows, on a terminal or in log files, how long each domain of a Xen
host ran, how long it was ready but had to wait for a CPU, and how long it
was blocked. It reads what xenbaked publishes, and draws logs from any host.")
set(dev_summary "reads what xenbaked publishes (development files)")
set(dev_text "The format of the file in which xenbaked publishes where the time of Xen's
domains goes: a header for C and C++, and a reader in Python.")
set(xenmon-exporter_summary "gives the times of Xen's domains to Prometheus")
set(xenmon-exporter_text "xenmon-exporter answers Prometheus with what xenbaked publishes: how long each domain
of a Xen host ran, waited for a CPU, and was blocked, with histograms of single
waits. Rules, a dashboard and consoles come with it.")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${deb_revision})
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${XENMON_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

set(CPACK_DEBIAN_XENBAKED_PACKAGE_NAME xenbaked)
set(CPACK_DEBIAN_XENBAKED_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_XENBAKED_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_XENBAKED_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_XENBAKED_PACKAGE_RECOMMENDS xenmon)
set(CPACK_DEBIAN_XENBAKED_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/xenbaked/systemd/postinst"
  "${PROJECT_SOURCE_DIR}/xenbaked/systemd/prerm" "${PROJECT_SOURCE_DIR}/xenbaked/systemd/postrm")

set(CPACK_DEBIAN_XENMON_PACKAGE_NAME xenmon)
set(CPACK_DEBIAN_XENMON_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_XENMON_PACKAGE_SHLIBDEPS ON)
# It plays recordings with xenbaked, which needs Xen's libraries; what it reads from elsewhere does not.
set(CPACK_DEBIAN_XENMON_PACKAGE_RECOMMENDS xenbaked)
set(CPACK_DEBIAN_XENMON_PACKAGE_SUGGESTS "gnuplot-nox | gnuplot")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libxenmon-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS python3)

set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_NAME xenmon-exporter)
set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_DEPENDS xenbaked) # whose region it reads, and whose group it needs
set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_SUGGESTS prometheus)
set(export_systemd ${PROJECT_SOURCE_DIR}/xenmon/export/systemd)
set(CPACK_DEBIAN_XENMON-EXPORTER_PACKAGE_CONTROL_EXTRA ${export_systemd}/postinst ${export_systemd}/prerm
  ${export_systemd}/postrm)

set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_LICENSE "GPL-2.0-or-later")
set(CPACK_RPM_PACKAGE_RELEASE 1)
set(CPACK_RPM_XENBAKED_PACKAGE_NAME xenbaked)
set(CPACK_RPM_XENMON_PACKAGE_NAME xenmon)
set(CPACK_RPM_DEV_PACKAGE_NAME xenmon-devel)
set(CPACK_RPM_XENMON-EXPORTER_PACKAGE_NAME xenmon-exporter)
set(CPACK_RPM_XENMON-EXPORTER_PACKAGE_REQUIRES xenbaked)
set(CPACK_RPM_DEV_PACKAGE_LICENSE "MIT")
set(CPACK_RPM_DEV_PACKAGE_ARCHITECTURE noarch)
set(CPACK_RPM_DEBUGINFO_PACKAGE OFF)
# Directories of the system, which other packages have.
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION /usr/sbin /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d
  /usr/share/man /usr/share/man/man1 /usr/share/man/man8 /usr/share/bash-completion
  /usr/share/bash-completion/completions /usr/share/zsh /usr/share/zsh/vendor-completions /usr/share/pkgconfig)
set(CPACK_RPM_XENBAKED_PACKAGE_REQUIRES "systemd")
set(CPACK_RPM_XENBAKED_POST_INSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/xenbaked/systemd/rpm_post)
set(CPACK_RPM_XENBAKED_PRE_UNINSTALL_SCRIPT_FILE ${PROJECT_SOURCE_DIR}/xenbaked/systemd/rpm_preun)
foreach(component ${CPACK_COMPONENTS_ALL})
  string(TOUPPER ${component} upper)
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${${component}_summary}\n${${component}_text}")
  set(CPACK_DEBIAN_${upper}_DESCRIPTION "${${component}_summary}\n${${component}_text}")
  # Red Hat's begin with a capital, Debian's do not.
  string(SUBSTRING "${${component}_summary}" 0 1 first)
  string(SUBSTRING "${${component}_summary}" 1 -1 others)
  string(TOUPPER "${first}" first)
  set(CPACK_RPM_${upper}_PACKAGE_SUMMARY "${first}${others}")
  set(CPACK_RPM_${upper}_PACKAGE_DESCRIPTION "${${component}_text}")
endforeach()
include(CPack)

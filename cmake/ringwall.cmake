# One function describes a module; its CMakeLists.txt is the folder's table of contents.
#
#   ringwall_module(store
#     HEADERS store.h            what other modules include
#     SOURCES store.cpp ...      compiled as one unity batch unless NO_UNITY
#     TESTS   store_test.cpp     one executable <name>_test, run by ctest
#     FUZZ    wal_fuzz.cpp       one executable each with the preset `fuzz`
#     BENCH   wal_bench.cpp      one executable each with RINGWALL_BENCH
#     NEEDS   base blob          modules whose headers may be included (checked by tools/tidy)
#     LINKS   fmt::fmt)          libraries

option(RINGWALL_CHECK_HEADERS "compile each public header alone" OFF)

# Designated initializers name what differs from the defaults; the rest is meant to be left out.
add_library(ringwall_flags INTERFACE)
target_compile_options(ringwall_flags INTERFACE
  -Wall -Wextra -Werror -Wno-missing-field-initializers -Wnon-virtual-dtor $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -fno-omit-frame-pointer
  $<$<CONFIG:Debug>:-Og>)
target_include_directories(ringwall_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# GCC 12 reports both of these where there is nothing to report, in std::string at -O2 (GCC bugs 105329 and 105562).
target_compile_options(ringwall_flags INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
# CRC-32C uses the SSE 4.2 instruction, which every x86-64 server has had since 2008.
target_compile_options(ringwall_flags INTERFACE $<$<STREQUAL:${CMAKE_SYSTEM_PROCESSOR},x86_64>:-msse4.2>)
if(RINGWALL_SANITIZE)
  target_compile_options(ringwall_flags INTERFACE -fsanitize=${RINGWALL_SANITIZE} -fno-sanitize-recover=undefined)
  target_link_options(ringwall_flags INTERFACE -fsanitize=${RINGWALL_SANITIZE})
endif()
if(RINGWALL_FUZZ)
  target_compile_options(ringwall_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
find_package(Threads REQUIRED)
target_link_libraries(ringwall_flags INTERFACE Threads::Threads)

function(ringwall_module name)
  cmake_parse_arguments(M "NO_UNITY" "" "HEADERS;SOURCES;TESTS;FUZZ;BENCH;NEEDS;LINKS" ${ARGN})
  set(needs)
  foreach(need IN LISTS M_NEEDS)
    list(APPEND needs ringwall_${need})
  endforeach()

  if(M_SOURCES)
    add_library(ringwall_${name} STATIC ${M_SOURCES})
    target_link_libraries(ringwall_${name} PUBLIC ringwall_flags ${needs} ${M_LINKS})
    if(NOT M_NO_UNITY)
      set_target_properties(ringwall_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 16)
    endif()
  else()
    add_library(ringwall_${name} INTERFACE)
    target_link_libraries(ringwall_${name} INTERFACE ringwall_flags ${needs} ${M_LINKS})
  endif()

  if(RINGWALL_CHECK_HEADERS AND M_HEADERS)
    set(alone)
    foreach(header IN LISTS M_HEADERS)
      string(MAKE_C_IDENTIFIER ${header} id)
      set(file ${CMAKE_CURRENT_BINARY_DIR}/alone_${id}.cpp)
      file(CONFIGURE OUTPUT ${file} CONTENT "#include \"${name}/${header}\"\n")
      list(APPEND alone ${file})
    endforeach()
    add_library(ringwall_${name}_headers OBJECT ${alone})
    target_link_libraries(ringwall_${name}_headers PRIVATE ringwall_${name})
  endif()

  if(RINGWALL_TESTS AND M_TESTS)
    add_executable(${name}_test ${M_TESTS} ${CMAKE_SOURCE_DIR}/src/base/test_main.cpp)
    target_link_libraries(${name}_test PRIVATE ringwall_${name})
    target_compile_definitions(${name}_test PRIVATE
      RINGWALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}" RINGWALL_BINARY_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${name} COMMAND ${name}_test WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
  endif()

  if(RINGWALL_FUZZ)
    foreach(file IN LISTS M_FUZZ)
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_link_libraries(${target} PRIVATE ringwall_${name} -fsanitize=fuzzer)
      set_property(GLOBAL APPEND PROPERTY RINGWALL_FUZZ_TARGETS ${target})
    endforeach()
  endif()

  if(RINGWALL_BENCH)
    foreach(file IN LISTS M_BENCH)
      get_filename_component(target ${file} NAME_WE)
      add_executable(${target} ${file})
      target_link_libraries(${target} PRIVATE ringwall_${name})
    endforeach()
  endif()
endfunction()

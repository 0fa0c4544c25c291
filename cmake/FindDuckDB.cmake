# Finds DuckDB and defines DuckDB::DuckDB (library with the C and C++ interfaces, and their headers).
#
# Looked for in this order:
#   DUCKDB_ROOT           a folder with include/duckdb.hpp and lib/libduckdb.so
#   build/npm             what script/bootstrap fetched: two npm packages, see below
#   the system            /usr, /usr/local
#
# From npm come the library (@duckdb/node-bindings-linux-x64: libduckdb.so) and the headers of the same
# version (duckdb: src/duckdb/src/include).  Debian has no package of DuckDB.
set(_npm ${CMAKE_SOURCE_DIR}/build/npm/node_modules)

find_path(DuckDB_INCLUDE_DIR duckdb.hpp
  HINTS ${DUCKDB_ROOT}/include ${_npm}/duckdb/src/duckdb/src/include)
find_library(DuckDB_LIBRARY duckdb
  HINTS ${DUCKDB_ROOT}/lib ${_npm}/@duckdb/node-bindings-linux-x64)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run script/bootstrap, or set DUCKDB_ROOT to an installation of DuckDB 1.4")

if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES
    IMPORTED_LOCATION ${DuckDB_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
mark_as_advanced(DuckDB_INCLUDE_DIR DuckDB_LIBRARY)

// Reads the cells of a chunk that Engine::stream() gives.
#pragma once

#include <duckdb.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ringwall::store {

// A column of a chunk of a result.
class CellReader {
 public:
  explicit CellReader(duckdb_vector vector) : vector_(vector), data_(duckdb_vector_get_data(vector)), mask_(duckdb_vector_get_validity(vector)) {}
  bool null(std::size_t row) const { return mask_ != nullptr && !duckdb_validity_row_is_valid(mask_, row); }
  template <class T>
  T number(std::size_t row, T absent = 0) const {
    return null(row) ? absent : static_cast<const T*>(data_)[row];
  }
  std::string_view text(std::size_t row) const {
    if (null(row)) return {};
    auto* value = &static_cast<duckdb_string_t*>(data_)[row];
    return {duckdb_string_t_data(value), duckdb_string_t_length(*value)};
  }
  duckdb_list_entry list(std::size_t row) const {
    return null(row) ? duckdb_list_entry{0, 0} : static_cast<const duckdb_list_entry*>(data_)[row];
  }
  CellReader map_part(int part) const { return CellReader(duckdb_struct_vector_get_child(duckdb_list_vector_get_child(vector_), part)); }

 private:
  duckdb_vector vector_;
  void* data_;
  std::uint64_t* mask_;
};

}  // namespace ringwall::store

// A table that parses is written back as one that means the same; nothing crashes on anything else.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "edge/detail/proc.h"
#include "edge/detail/process_table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)ringwall::edge::detail::parse_stat(text);
  const auto table = ringwall::edge::detail::parse_process_table(text);
  if (!table.ok()) return 0;
  const auto again =
      ringwall::edge::detail::parse_process_table(ringwall::edge::detail::process_table_text(table.value()));
  RW_ASSERT(again.ok());
  RW_ASSERT(again.value().processes.size() == table.value().processes.size());
  return 0;
}

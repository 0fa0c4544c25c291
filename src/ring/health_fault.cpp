#include "ring/health_table.h"

namespace ringwall::ring {

const char* health_file_fault(const void* base, std::size_t bytes) noexcept {
  if (bytes < sizeof(HealthHeader)) return "it is too short";
  const auto* header = static_cast<const HealthHeader*>(base);
  if (header->magic != kHealthMagic) return "it is not a health table";
  if (header->version != kHealthVersion) return "it has another version";
  if (header->slot_count == 0 || header->slot_count > kHealthSlotsMax) return "its slot count is impossible";
  if (bytes < sizeof(HealthHeader) + 4 * std::size_t{header->slot_count})
    return "it is shorter than its header says";
  return nullptr;
}

}  // namespace ringwall::ring

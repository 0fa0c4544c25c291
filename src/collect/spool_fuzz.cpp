// Properties: any file is read or refused without harm; opening twice gives the same records; the spool that opened a
// damaged file goes on, and what it then commits is there the next time.
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/sim.h"
#include "collect/spool.h"

using namespace ringwall;

namespace {

Result<std::string> replayed(base::Files& files, std::unique_ptr<collect::Spool>& spool) {
  std::string seen;
  const auto replay = [&](const collect::SpoolRecord& record) -> Result<void> {
    seen += std::to_string(record.sequence) + std::string(record.source) + std::string(record.payload) + "\n";
    [[maybe_unused]] const auto batch = collect::decompress_batch(record.payload);
    return {};
  };
  spool = RW_TRY(collect::Spool::open(files, {.directory = "spool"}, replay));
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  base::set_log_level(base::Level::kError);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  base::sim::Files files;
  // Checksums are hard to guess, so the bytes are also what follows a good head and a good record.
  {
    std::unique_ptr<collect::Spool> spool;
    if (!replayed(files, spool).ok()) std::abort();
    spool->add(1, {}, "source", bytes);
    if (!spool->commit().ok()) std::abort();
  }
  const std::string path = "spool/" + files.list("spool").value().at(0);
  if (!files.open_append(path).value()->append(bytes).ok()) std::abort();
  std::unique_ptr<collect::Spool> spool;
  const auto first = replayed(files, spool);
  if (first.ok()) {
    spool->add(2, {}, "source", "after");
    if (!spool->commit().ok()) std::abort();
    const auto second = replayed(files, spool);
    if (!second.ok() || !second->starts_with(*first) || !second->ends_with("sourceafter\n")) std::abort();
  }
  base::sim::Files other;
  if (!other.write_atomic("spool/00000000000000000001.spool", bytes).ok()) std::abort();
  [[maybe_unused]] const auto outcome = replayed(other, spool);
  return 0;
}

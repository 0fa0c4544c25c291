// Any document: it is refused with a place, or it is the same after writing it as JSON and can be judged by.
#include <cstdlib>

#include "openapi/openapi.h"

using namespace ringwall::openapi;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = read_document({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!document.ok()) return 0;
  const auto json = write_json(document->root);
  const auto again = read_json_document(json, "fuzz");
  if (!again.ok() || write_json(again->root) != json) std::abort();
  const auto compiled = compile(*document);
  if ((compiled.model == nullptr) != !compiled.errors.empty()) std::abort();
  if (compile(*again).errors.size() != compiled.errors.size()) std::abort();
  if (compiled.model == nullptr) return 0;
  Scratch scratch;
  for (const auto& operation : compiled.model->operations()) {
    (void)compiled.model->judge({.method = operation.method, .target = operation.path, .headers = {{"Content-Type", "application/json"}}, .body = "{\"a\":[1]}"}, {}, scratch);
  }
  return 0;
}

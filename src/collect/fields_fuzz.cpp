// Properties: every line becomes exactly one record of UTF-8 text, in every format.
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "collect/fields.h"

using namespace ringwall;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  base::BatchBuilder builder(base::Signal::kLog);
  builder.resource("service", "", "", "", "", "file");
  std::size_t records = 0;
  for (const auto* format : {"auto", "json", "logfmt", "nginx", "common", "text"}) {
    collect::append_line(builder, line, collect::line_format(format), 1);
    if (builder.size() != ++records) std::abort();
  }
  const auto batch = builder.take();
  if (!base::decode(base::encode(batch)).ok()) std::abort();
  for (const auto slice : batch.text) {
    if (!base::valid_utf8(batch.view(slice))) std::abort();
  }
  for (const auto slice : batch.attribute_values) {
    if (!base::valid_utf8(batch.view(slice))) std::abort();
  }
  return 0;
}

// Properties: nothing grows by decoding; what was read, written again with every byte as %XX, is read the same.
#include <cstdlib>
#include <string>

#include "waf/body/body.h"

using namespace ringwall::waf;

static void write_encoded(std::string& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const BodyLimits limits{.arguments_max = 1'000'000};
  Arena arena;
  UrlEncoded read, again;
  parse_urlencoded(text, '&', limits, arena, read);
  std::string written;
  std::size_t bytes = 0;
  for (const auto& [name, value] : read.pairs) {
    bytes += name.size() + value.size();
    write_encoded(written, name);
    written += '=';
    write_encoded(written, value);
    written += '&';
  }
  if (bytes > size || read.error.set) std::abort();
  parse_urlencoded(written, '&', limits, arena, again);
  if (again.invalid_encoding || again.pairs.size() != read.pairs.size()) std::abort();
  for (std::size_t i = 0; i < read.pairs.size(); ++i) {
    if (read.pairs[i].name != again.pairs[i].name || read.pairs[i].value != again.pairs[i].value) std::abort();
  }
  return 0;
}

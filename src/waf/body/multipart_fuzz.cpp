// The first line is the content type, the rest the body.  Properties: values are parts of the body and do not overlap, an error
// has words, flags agree with each other, and fields of a body read without complaint can be written anew and read the same.
#include <cstdlib>
#include <string>

#include "waf/body/body.h"

using namespace ringwall::waf;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto end = input.find('\n');
  if (end == std::string_view::npos) return 0;
  const auto body = input.substr(end + 1);
  const BodyLimits limits{.arguments_max = 1'000'000, .files_max = 0};
  Arena arena;
  Multipart read;
  parse_multipart(input.substr(0, end), body, limits, arena, read);

  if (arena.used() > (1 << 16) + 16 * size) std::abort();
  if (read.error.set == read.error.message.empty()) std::abort();
  if (read.flags.crlf_lf_lines != (read.flags.crlf_line && read.flags.lf_line)) std::abort();
  std::size_t bytes = 0;
  const auto inside = [&](std::string_view part) {
    bytes += part.size();
    return part.empty() || (part.data() >= body.data() && part.data() + part.size() <= body.data() + body.size());
  };
  for (const auto& [name, value] : read.pairs) {
    if (name.empty() || !inside(value)) std::abort();
  }
  for (const auto& file : read.files) {
    if (file.field.empty() || file.file_name.empty() || file.bytes != file.content.size() || !inside(file.content)) std::abort();
  }
  if (bytes > body.size()) std::abort();
  if (read.error.set) return 0;

  // A boundary that is no part of the input.
  std::string boundary = "x";
  while (body.find("--" + boundary) != std::string_view::npos) boundary += 'x';
  std::string written;
  for (const auto& [name, value] : read.pairs) {
    written += "--" + boundary + "\r\nContent-Disposition: form-data; name=\"";
    for (const char c : name) {
      if (c == '"' || c == '\\') written += '\\';
      written += c;
    }
    written += "\"\r\n\r\n" + std::string(value) + "\r\n";
  }
  written += "--" + boundary + "--\r\n";
  // Escapes may push a header over the limit, and white space before the boundary is an error of its own.
  Multipart again;
  parse_multipart("multipart/form-data; boundary=" + boundary, written, limits, arena, again);
  if (again.error.set) return 0;
  if (again.pairs.size() != read.pairs.size()) std::abort();
  for (std::size_t i = 0; i < read.pairs.size(); ++i) {
    if (again.pairs[i].name != read.pairs[i].name || again.pairs[i].value != read.pairs[i].value) std::abort();
  }
  return 0;
}

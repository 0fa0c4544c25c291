// Properties: memory is bounded; what was read is bounded by the body, and written anew as one element gives the same text.
#include <cstdlib>
#include <string>

#include "waf/body/body.h"

using namespace ringwall::waf;

// White space too, which would be changed otherwise.
static void write_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (std::string_view("<>&'\"\t\n\r").find(c) == std::string_view::npos) {
      out += c;
    } else {
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Arena arena;
  Xml read;
  parse_xml(body, {}, arena, read);
  if (arena.used() > (1 << 20) + 64 * size) std::abort();
  if (read.error.set == read.error.message.empty()) std::abort();
  if (!read.error.set && read.element_texts.empty()) std::abort();

  std::size_t bytes = 0;
  std::string written = "<a";
  for (std::size_t i = 0; i < read.attribute_values.size(); ++i) {
    bytes += read.attribute_values[i].size();
    // After an error the last value may end in the middle of what it says, but what it has is text.
    written += " b" + std::to_string(i) + "='";
    write_escaped(written, read.attribute_values[i]);
    written += "'";
  }
  written += ">";
  for (const auto text : read.element_texts) {
    bytes += text.size();
    write_escaped(written, text);
  }
  written += "</a>";
  if (bytes > 2 * size) std::abort();  // twice: Latin-1 grows in UTF-8

  Xml again;
  parse_xml(written, {}, arena, again);
  if (again.error.set || again.attribute_values.size() != read.attribute_values.size()) std::abort();
  for (std::size_t i = 0; i < read.attribute_values.size(); ++i) {
    if (again.attribute_values[i] != read.attribute_values[i]) std::abort();
  }
  std::string whole;
  for (const auto text : read.element_texts) whole += text;
  if (again.element_texts.size() != 1 || again.element_texts[0] != whole) std::abort();
  return 0;
}

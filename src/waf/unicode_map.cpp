#include "waf/unicode_map.h"

#include <fmt/format.h>

#include <charconv>
#include <string>

#include "waf/detail/seclang.h"

namespace ringwall::waf {

namespace {

using seclang::is_blank_byte, seclang::shown, seclang::trim_blanks;

// What domain names take for a dot (RFC 3490, section 3.1): so in every code page, as in libmodsecurity.
constexpr std::uint16_t kFullStops[] = {0x002E, 0x3002, 0xFF0E, 0xFF61};

constexpr std::size_t kCodePagesShownMax = 40;

bool read_hex(std::string_view text, unsigned last, unsigned& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() && text.front() != '-' && out <= last;
}

}  // namespace

Result<std::shared_ptr<const UnicodeMap>> UnicodeMap::parse(std::string_view text, std::uint64_t code_page) {
  auto map = std::make_shared<UnicodeMap>();
  map->bytes_.fill(-1);
  for (const auto code : kFullStops) map->bytes_[code] = '.';
  bool inside = false, found = false;
  std::string pages;
  std::size_t pages_shown = 0;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const auto end = text.find('\n');
    auto line = trim_blanks(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#') continue;
    if (line.substr(0, line.find_first_of(" \t")).find(':') == std::string_view::npos) {
      // The heading of a section; some have a name and no number.
      const auto number = seclang::whole_number(line.substr(0, line.find_first_not_of("0123456789")));
      inside = number == code_page;
      if (number && ++pages_shown <= kCodePagesShownMax) pages += fmt::format("{}{}", pages.empty() ? "" : ", ", *number);
      continue;
    }
    if (!inside) continue;
    while (!line.empty()) {
      const auto pair = line.substr(0, line.find_first_of(" \t"));
      line = trim_blanks(line.substr(pair.size()));
      const auto colon = pair.find(':');
      unsigned code = 0, byte = 0;
      if (colon == std::string_view::npos || !read_hex(pair.substr(0, colon), 0xFFFF, code) || !read_hex(pair.substr(colon + 1), 0xFF, byte)) {
        return fail(Errc::kInvalid, fmt::format("line {}: expected CODE:BYTE in hexadecimal digits, found '{}'", line_number, shown(pair)));
      }
      map->bytes_[code] = static_cast<std::int16_t>(byte);
      found = true;
    }
  }
  if (found) return std::shared_ptr<const UnicodeMap>(std::move(map));
  return fail(Errc::kNotFound, fmt::format("there is no code page {}", code_page), pages.empty() ? "it has none at all: is it a unicode.mapping?" : "it has " + pages);
}

}  // namespace ringwall::waf

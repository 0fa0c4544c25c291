#include "declare/form.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <charconv>
#include <regex>

#include "places/address.h"
#include "places/countries.h"

namespace ringwall::declare::detail {

namespace {

constexpr std::size_t kNameBytesMax = 63;
constexpr std::size_t kRegexBytesMax = 1024;
constexpr std::size_t kFileBytesMax = 4095;  // PATH_MAX without its zero

// What ends or quotes a word in nginx's configuration, into which paths go.
constexpr std::string_view kNginxSpecial = " \t\n\r;{}\"'\\$";
constexpr std::string_view kRoutePathHint =
    "begin it with /, as in /api/; write = /path for exactly one, ~ ^/regex$ for a regular expression";

bool word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}
bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Of records: the same engine that will match the lines.
Problem check_record_regex(const std::string& text) {
  if (text.size() > kRegexBytesMax) return {fmt::format("longer than {} bytes", kRegexBytesMax), ""};
  try {
    const std::regex compiled(text, std::regex::ECMAScript);
    return {};
  } catch (const std::regex_error&) {
    return {fmt::format("'{}' is not a regular expression", shown(text)), "special characters are written with a backslash, as in \\["};
  }
}

// Of routes: nginx matches them with PCRE.
Problem check_route_regex(const std::string& text) {
  if (text.empty()) return {"there is no regular expression after ~", "as in ~ ^/v[0-9]+/"};
  if (text.size() > kRegexBytesMax) return {fmt::format("longer than {} bytes", kRegexBytesMax), ""};
  if (std::any_of(text.begin(), text.end(), control)) return {fmt::format("'{}' holds a control character", shown(text)), ""};
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, &error, &offset, nullptr);
  if (code != nullptr) return pcre2_code_free(code), Problem{};
  PCRE2_UCHAR reason[128];
  pcre2_get_error_message(error, reason, sizeof reason);
  return {fmt::format("'{}' is not a regular expression: {} at byte {}", shown(text), reinterpret_cast<const char*>(reason), offset), ""};
}

bool host_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  if (name.empty() || name.size() > 253) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const auto end = std::min(name.find('.', begin), name.size());
    const auto label = name.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), word_character)) return false;
    begin = end + 1;
  }
  return true;
}

Problem check_route_path(const std::string& path) {
  if (path.starts_with("~ ")) return check_route_regex(path.substr(2));
  if (path.starts_with("~* ")) return check_route_regex(path.substr(3));
  const bool exact = path.starts_with("= /");
  const auto plain = exact ? path.substr(2) : path;
  const bool good = plain.starts_with('/') && plain.find_first_of(kNginxSpecial) == std::string::npos &&
                    std::none_of(plain.begin(), plain.end(), control);
  if (good) return {};
  return exact ? Problem{fmt::format("'{}' is not an exact path", shown(path)), "as in = /health"}
               : Problem{fmt::format("'{}' is not a path", shown(path)), std::string(kRoutePathHint)};
}

bool environment_name(const std::string& text) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return word_character(c) && c != '-'; });
}

}  // namespace

bool split_address(const std::string& address, std::string& host, int& port) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  // inet_pton would not see what follows a zero byte.
  if (std::any_of(address.begin(), address.end(), control)) return false;
  host = address.substr(0, colon);
  const char* end = address.data() + address.size();
  const auto parsed = std::from_chars(address.data() + colon + 1, end, port);
  if (parsed.ec != std::errc{} || parsed.ptr != end || port < 0 || port > 65535) return false;
  in_addr v4;
  in6_addr v6;
  if (host.front() == '[' && host.back() == ']' && host.size() > 2) {
    host = host.substr(1, host.size() - 2);
    return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
  }
  return ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
}

bool nginx_variable(const std::string& text) {
  return text.size() > 1 && text.front() == '$' &&
         std::all_of(text.begin() + 1, text.end(), [](char c) { return word_character(c) && c != '-'; });
}

Problem check_text(Text kind, const std::string& text) {
  const auto is_not = [&](std::string_view what, std::string hint) {
    return Problem{fmt::format("'{}' is not {}", shown(text), what), std::move(hint)};
  };
  switch (kind) {
    case Text::kAny:
      if (std::none_of(text.begin(), text.end(), [](char c) { return control(c) && c != '\t' && c != '\n'; })) return {};
      return {fmt::format("'{}' holds a control character", shown(text)), ""};
    case Text::kName:
      if (!text.empty() && text.size() <= kNameBytesMax &&
          std::all_of(text.begin(), text.end(), [](char c) { return word_character(c) || c == '.'; })) {
        return {};
      }
      return is_not("a name", fmt::format("1 to {} letters, digits, '-', '_' and '.'", kNameBytesMax));
    case Text::kService:
      if (!text.empty() && text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), word_character)) return {};
      return is_not("a service's name", fmt::format("1 to {} letters, digits, '-' and '_'", kNameBytesMax));
    case Text::kEnvironmentName:
      if (environment_name(text)) return {};
      return is_not("the name of an environment variable", "letters, digits and '_', no digit in front");
    case Text::kAddress: {
      std::string host;
      int port = 0;
      if (split_address(text, host, port)) return {};
      return is_not("an address", "write a literal address and a port, as in 127.0.0.1:8080 or [::1]:8080");
    }
    case Text::kRegex: return check_record_regex(text);
    case Text::kHostName:
      if (host_name(text)) return {};
      return is_not("a host name", "as in shop.example.com or *.example.com");
    case Text::kRoutePath: return check_route_path(text);
    case Text::kUrlPath:
      if (text.starts_with('/') && std::none_of(text.begin(), text.end(), [](char c) { return control(c) || c == ' '; })) return {};
      return is_not("a path", "begin it with / and leave out spaces, as in /health");
    case Text::kFile:
      if (text.empty()) return {"must not be empty", ""};
      if (text.size() > kFileBytesMax) return {fmt::format("longer than {} bytes", kFileBytesMax), ""};
      if (std::any_of(text.begin(), text.end(), control)) return {fmt::format("'{}' holds a control character", shown(text)), ""};
      return {};
    case Text::kAddressRange: {
      const auto range = places::parse_address_range(text);
      return range.ok() ? Problem{} : Problem{range.error().message, range.error().hint};
    }
    case Text::kCountry:
      if (places::is_country(text)) return {};
      return is_not("a country", "two capital letters of ISO 3166, as DE or GB");
  }
  return {};
}

}  // namespace ringwall::declare::detail

#include "openapi/detail/formats.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

namespace ringwall::openapi::detail {

namespace {

constexpr std::pair<std::string_view, Format> kFormats[] = {
    {"date", Format::kDate},       {"time", Format::kTime},   {"date-time", Format::kDateTime}, {"duration", Format::kDuration}, {"uuid", Format::kUuid},
    {"email", Format::kEmail},     {"hostname", Format::kHostname}, {"ipv4", Format::kIpv4},    {"ipv6", Format::kIpv6},         {"uri", Format::kUri},
    {"uri-reference", Format::kUriReference}, {"url", Format::kUri}, {"byte", Format::kByte},   {"int32", Format::kInt32},       {"int64", Format::kInt64},
    {"float", Format::kFloat},
};

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool contains(std::string_view set, char c) { return set.find(c) != set.npos; }

// Takes `count` digits off the front; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!digit(text[i])) return -1;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return out;
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) {
  const int year = take_digits(text, 4);
  if (year < 0 || !take(text, '-')) return false;
  const int month = take_digits(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  const int day = take_digits(text, 2);
  return day >= 1 && day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0);
}

bool take_time(std::string_view& text) {
  const int hour = take_digits(text, 2);
  if (hour < 0 || hour > 23 || !take(text, ':')) return false;
  const int minute = take_digits(text, 2);
  if (minute < 0 || minute > 59 || !take(text, ':')) return false;
  const int second = take_digits(text, 2);
  if (second < 0 || second > 60) return false;
  if (take(text, '.')) {
    const auto end = std::find_if_not(text.begin(), text.end(), digit) - text.begin();
    if (end == 0) return false;
    text.remove_prefix(static_cast<std::size_t>(end));
  }
  int offset = 0;
  if (text.empty()) return false;
  const char sign = text[0];
  text.remove_prefix(1);
  if (sign == '+' || sign == '-') {
    const int hours = take_digits(text, 2);
    if (hours < 0 || hours > 23 || !take(text, ':')) return false;
    const int minutes = take_digits(text, 2);
    if (minutes < 0 || minutes > 59) return false;
    offset = (hours * 60 + minutes) * (sign == '+' ? 1 : -1);
  } else if (sign != 'Z' && sign != 'z') {
    return false;
  }
  // A leap second is the last of a day in UTC.
  constexpr int kDay = 24 * 60;
  return second < 60 || (hour * 60 + minute - offset + kDay) % kDay == kDay - 1;
}

bool date_time(std::string_view text) {
  if (!take_date(text) || (!take(text, 'T') && !take(text, 't'))) return false;
  return take_time(text) && text.empty();
}

// P1Y2M3DT4H5M6S or P7W, RFC 3339 appendix A.
bool duration(std::string_view text) {
  if (!take(text, 'P')) return false;
  std::string_view units = "YMWD";
  bool any = false, time = false, weeks = false;
  while (!text.empty()) {
    if (!time && take(text, 'T')) {
      time = true;
      units = "HMS";
      if (text.empty()) return false;
      continue;
    }
    const auto end = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), digit) - text.begin());
    if (end == 0 || end == text.size()) return false;
    const auto unit = units.find(text[end]);
    if (unit == units.npos || (weeks && !any)) return false;
    if (text[end] == 'W' && (any || time)) return false;
    weeks = weeks || text[end] == 'W';
    units.remove_prefix(unit + 1);
    text.remove_prefix(end + 1);
    any = true;
    if (weeks && !text.empty()) return false;
  }
  return any;
}

bool uuid(std::string_view text) {
  if (text.starts_with("urn:uuid:")) text.remove_prefix(9);
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !hex(text[i])) return false;
  }
  return true;
}

bool hostname(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('.', begin), text.size());
    const auto label = text.substr(begin, end - begin);
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return letter(c) || digit(c) || c == '-'; })) return false;
    begin = end + 1;
  }
  return true;
}

bool email(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == text.npos || at == 0) return false;
  const auto local = text.substr(0, at), host = text.substr(at + 1);
  bool dot = true;  // none in front, none behind, no two
  for (const char c : local) {
    if (c == '.' ? dot : !(letter(c) || digit(c) || contains("!#$%&'*+/=?^_`{|}~-", c))) return false;
    dot = c == '.';
  }
  return !dot && hostname(host) && host.find('.') != host.npos && !host.ends_with('.');
}

bool address(int family, std::string_view text) {
  char copy[64];
  unsigned char out[16];
  if (text.size() >= sizeof copy || text.find('\0') != text.npos) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return ::inet_pton(family, copy, out) == 1;
}

// Of a reference all but its scheme.  RFC 3986; '[' only around an address.
bool reference_rest(std::string_view text) {
  bool fragment = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !hex(text[i + 1]) || !hex(text[i + 2])) return false;
    } else if (c == '#') {
      if (std::exchange(fragment, true)) return false;
    } else if (c == '[') {
      const auto end = text.find(']', i);
      const bool host = i >= 2 && (text[i - 1] == '/' || text[i - 1] == '@') && text.starts_with("//");
      if (!host || end == text.npos || !address(AF_INET6, text.substr(i + 1, end - i - 1))) return false;
      i = end;
    } else if (!letter(c) && !digit(c) && !contains("-._~:/?@!$&'()*+,;=", c)) {
      return false;
    }
  }
  return true;
}

std::size_t scheme_end(std::string_view text) {
  if (text.empty() || !letter(text[0])) return text.npos;
  const auto end = std::find_if_not(text.begin(), text.end(), [](char c) { return letter(c) || digit(c) || c == '+' || c == '-' || c == '.'; }) - text.begin();
  return static_cast<std::size_t>(end) < text.size() && text[static_cast<std::size_t>(end)] == ':' ? static_cast<std::size_t>(end) : text.npos;
}

bool uri_reference(std::string_view text) {
  const auto scheme = scheme_end(text);
  if (scheme != text.npos) return reference_rest(text.substr(scheme + 1));
  // Before the first '/' of a relative path there is no ':'.
  const auto stop = text.find_first_of(":/?#");
  return (stop == text.npos || text[stop] != ':') && reference_rest(text);
}

bool base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return std::all_of(text.begin(), text.end(), [](char c) { return letter(c) || digit(c) || c == '+' || c == '/'; });
}

}  // namespace

Format format_of(std::string_view name) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const auto& one) { return one.first == name; });
  return found == std::end(kFormats) ? Format::kNone : found->second;
}

std::string_view name_of(Format format) {
  const auto* found = std::find_if(std::begin(kFormats), std::end(kFormats), [&](const auto& one) { return one.second == format; });
  return found == std::end(kFormats) ? std::string_view() : found->first;
}

bool of_numbers(Format format) { return format == Format::kInt32 || format == Format::kInt64 || format == Format::kFloat; }

bool text_has(Format format, std::string_view text) {
  switch (format) {
    case Format::kDate: return take_date(text) && text.empty();
    case Format::kTime: return take_time(text) && text.empty();
    case Format::kDateTime: return date_time(text);
    case Format::kDuration: return duration(text);
    case Format::kUuid: return uuid(text);
    case Format::kEmail: return email(text);
    case Format::kHostname: return hostname(text);
    case Format::kIpv4: return address(AF_INET, text);
    case Format::kIpv6: return address(AF_INET6, text);
    case Format::kUri: return scheme_end(text) != text.npos && uri_reference(text);
    case Format::kUriReference: return uri_reference(text);
    case Format::kByte: return base64(text);
    case Format::kNone:
    case Format::kInt32:
    case Format::kInt64:
    case Format::kFloat: return true;
  }
  return true;
}

bool number_has(Format format, const Value& number) {
  switch (format) {
    case Format::kInt32: return number.exact && number.integer >= std::numeric_limits<std::int32_t>::min() && number.integer <= std::numeric_limits<std::int32_t>::max();
    case Format::kInt64: return number.exact;
    case Format::kFloat: return std::fabs(as_double(number)) <= static_cast<double>(FLT_MAX);
    default: return true;
  }
}

}  // namespace ringwall::openapi::detail

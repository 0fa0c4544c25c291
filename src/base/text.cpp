#include "base/text.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace ringwall::base {

namespace {

// Days since 1970-01-01 of a proleptic Gregorian date, after Howard Hinnant's date algorithms.
std::int64_t days_from_civil(std::int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const auto yoe = static_cast<unsigned>(y - era * 400);
  const unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
  const unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<std::int64_t>(doe) - 719468;
}

void civil_from_days(std::int64_t z, std::int64_t& y, unsigned& m, unsigned& d) {
  z += 719468;
  const std::int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  const auto doe = static_cast<unsigned>(z - era * 146097);
  const unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  const unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const unsigned mp = (5 * doy + 2) / 153;
  d = doy - (153 * mp + 2) / 5 + 1;
  m = mp < 10 ? mp + 3 : mp - 9;
  y = static_cast<std::int64_t>(yoe) + era * 400 + (m <= 2);
}

struct Cursor {
  std::string_view text;
  std::size_t at = 0;
  bool ok = true;

  int digits(int count) {
    int value = 0;
    for (int i = 0; i < count; ++i) {
      if (at >= text.size() || text[at] < '0' || text[at] > '9') return ok = false, 0;
      value = value * 10 + (text[at++] - '0');
    }
    return value;
  }
  bool accept(std::string_view any) {
    if (at < text.size() && any.find(text[at]) != std::string_view::npos) return ++at, true;
    return false;
  }
  void expect(std::string_view any) {
    if (!accept(any)) ok = false;
  }
};

unsigned days_in_month(int year, unsigned month) {
  static constexpr unsigned kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kDurationUnits[] = {{"y", 31536000000}, {"w", 604800000}, {"d", 86400000}, {"h", 3600000},
                                   {"m", 60000},       {"s", 1000},      {"ms", 1}};
constexpr Unit kByteUnits[] = {{"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10},
                               {"TB", 1000000000000}, {"GB", 1000000000}, {"MB", 1000000},    {"KB", 1000},
                               {"B", 1},              {"", 1}};

template <std::size_t N>
Result<std::uint64_t> parse_with_unit(std::string_view text, const Unit (&units)[N], std::string_view example) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  if (error == std::errc{}) {
    for (const auto& candidate : units) {
      if (candidate.name != unit) continue;
      // One bit below the type so that signed durations hold it too.
      if (number > (~0ull >> 1) / candidate.factor) return fail(Errc::kInvalid, fmt::format("'{}' is too large", text));
      return number * candidate.factor;
    }
  }
  return fail(Errc::kInvalid, fmt::format("'{}' is not a number with a unit, as in {}", text, example));
}

}  // namespace

std::string rfc3339(std::int64_t time_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = time_ns / kSecond, nanos = time_ns % kSecond;
  if (nanos < 0) nanos += kSecond, --seconds;
  std::int64_t days = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) rest += 86400, --days;
  std::int64_t year;
  unsigned month, day;
  civil_from_days(days, year, month, day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", year, month, day, rest / 3600, rest / 60 % 60,
                     rest % 60, nanos);
}

Result<std::int64_t> parse_rfc3339(std::string_view text) {
  Cursor c{text};
  const int year = c.digits(4);
  c.expect("-");
  const auto month = static_cast<unsigned>(c.digits(2));
  c.expect("-");
  const auto day = static_cast<unsigned>(c.digits(2));
  c.expect("Tt ");
  const int hour = c.digits(2);
  c.expect(":");
  const int minute = c.digits(2);
  c.expect(":");
  const int second = c.digits(2);
  std::int64_t nanos = 0;
  if (c.accept(".,")) {
    std::int64_t scale = 100'000'000;
    std::size_t digits = 0;
    for (; c.at < text.size() && text[c.at] >= '0' && text[c.at] <= '9'; ++c.at, ++digits) {
      nanos += (text[c.at] - '0') * scale;
      scale /= 10;
    }
    if (digits == 0) c.ok = false;
  }
  std::int64_t offset = 0;
  if (!c.accept("Zz")) {
    const bool minus = c.at < text.size() && text[c.at] == '-';
    c.expect("+-");
    offset = c.digits(2) * 3600;
    c.accept(":");
    offset += c.digits(2) * 60;
    if (minus) offset = -offset;
  }
  // Years whose nanoseconds fit 64 bits; second 60 is a leap second and counts as the next minute's start.
  const bool in_range = year >= 1678 && year <= 2261 && month >= 1 && month <= 12 && day >= 1 && c.ok &&
                        day <= days_in_month(year, month) && hour <= 23 && minute <= 59 && second <= 60 &&
                        offset <= 86400 && offset >= -86400;
  if (!in_range || c.at != text.size()) {
    return fail(Errc::kInvalid, fmt::format("'{}' is not a time as in 2026-01-31T12:00:00Z (RFC 3339)", text));
  }
  const std::int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  return seconds * 1'000'000'000 + nanos;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto ms = static_cast<std::uint64_t>(duration.count());
  if (ms == 0) return "0s";
  for (const auto& unit : kDurationUnits) {
    if (unit.name != "w" && ms % unit.factor == 0) return fmt::format("{}{}", ms / unit.factor, unit.name);
  }
  return fmt::format("{}ms", ms);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(RW_TRY(parse_with_unit(text, kDurationUnits, "30s or 30d"))));
}

std::string bytes_text(std::uint64_t bytes) {
  for (const auto& unit : kByteUnits) {
    if (unit.name.size() == 3 && bytes != 0 && bytes % unit.factor == 0) {
      return fmt::format("{}{}", bytes / unit.factor, unit.name);
    }
  }
  return fmt::format("{}B", bytes);
}

Result<std::uint64_t> parse_bytes(std::string_view text) { return parse_with_unit(text, kByteUnits, "64MiB"); }

namespace {

// Length of the well-formed UTF-8 sequence at `at` (RFC 3629: no surrogates, no overlong forms), or 0.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) -> unsigned { return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : 0; };
  const auto next = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) { return byte(i) >= low && byte(i) <= high; };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return next(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    return next(1, b == 0xe0 ? 0xa0 : 0x80, b == 0xed ? 0x9f : 0xbf) && next(2) ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    return next(1, b == 0xf0 ? 0x90 : 0x80, b == 0xf4 ? 0x8f : 0xbf) && next(2) && next(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  std::size_t plain = 0;  // start of what is copied as it is
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<std::uint8_t>(text[at]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    if (length > 1) {
      at += length;
      continue;
    }
    out.append(text.substr(plain, at - plain));
    switch (c) {
      case '"': out.append("\\\""); break;
      case '\\': out.append("\\\\"); break;
      case '\n': out.append("\\n"); break;
      case '\r': out.append("\\r"); break;
      case '\t': out.append("\\t"); break;
      default:
        if (c < 0x20) {
          out.append("\\u00");
          out.push_back(kHex[c >> 4]);
          out.push_back(kHex[c & 15]);
        } else {
          out.append("\xef\xbf\xbd");
        }
    }
    plain = ++at;
  }
  out.append(text.substr(plain));
  out.push_back('"');
}

void append_json_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
  } else {
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

bool valid_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::string to_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text, at);
    if (length == 0) {
      out.append("\xef\xbf\xbd");
      ++at;
    } else {
      out.append(text.substr(at, length));
      at += length;
    }
  }
  return out;
}

std::string lower_ascii(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace ringwall::base

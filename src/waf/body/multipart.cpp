// multipart/form-data (RFC 7578, RFC 2046), line by line, with libmodsecurity's flags for what is unusual.
//
//   Content-Type: multipart/form-data; boundary=B
//
//   --B                                                          a boundary line
//   Content-Disposition: form-data; name="a"; filename="b.txt"   header lines, then an empty line
//
//   data, up to the line end before the next boundary line
//   --B--                                                        the last boundary
//
// Values and file contents are views into the body.  Most errors are noted and reading goes on, so that rules which only
// watch still see what a lenient server would make of the body; the first error is the one reported.
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "waf/body/body.h"
#include "waf/body/disposition.h"

namespace ringwall::waf {
namespace {

constexpr std::size_t kContentTypeBytesMax = 1024;
constexpr std::size_t kHeaderLineBytesMax = 4095;   // with its line end
constexpr std::size_t kFoldedValueBytesMax = 4096;  // of a header folded over several lines
constexpr std::size_t kPartHeadersMax = 64;
// libmodsecurity looks for a boundary hidden in a line only so far into it.
constexpr std::size_t kHiddenBoundaryWithin = 4096;

constexpr bool part_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr char part_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_header(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (part_lower(a[i]) != part_lower(b[i])) return false;
  }
  return true;
}

std::string_view without_line_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// How often the word "boundary" is followed by a '=' somewhere.  The text is short (kContentTypeBytesMax).
int boundary_parameters(std::string_view text) {
  constexpr std::string_view kWord = "boundary";
  int count = 0;
  for (std::size_t i = 0; i + kWord.size() <= text.size(); ++i) {
    if (!same_header(text.substr(i, kWord.size()), kWord)) continue;
    i += kWord.size() - 1;
    if (text.find('=', i) != std::string_view::npos) ++count;
  }
  return count;
}

// RFC 2046, 5.1.1: what a boundary may consist of; a space not at its end.
bool valid_boundary(std::string_view boundary) {
  for (const char c : boundary) {
    const bool alphanumeric = (c >= '0' && c <= '9') || (part_lower(c) >= 'a' && part_lower(c) <= 'z');
    if (!alphanumeric && std::string_view(" '()+_,-./:=?").find(c) == std::string_view::npos) return false;
  }
  return !boundary.ends_with(' ');
}

class MultipartReader {
 public:
  MultipartReader(std::string_view body, const BodyLimits& limits, Arena& arena, Multipart& out)
      : body_(body), limits_(limits), arena_(arena), out_(out), flags_(out.flags) {}

  bool read_content_type(std::string_view type);
  void read_body();

 private:
  enum class Line { kBoundary, kOther, kStop };

  bool read_line(std::string_view line);
  Line look_for_boundary(std::string_view line);
  Line after_boundary(std::string_view rest);
  bool hides_boundary(std::string_view line);
  void prepare_search();
  void read_tail(std::string_view tail);

  void begin_part();
  void end_part(std::size_t data_end);
  bool read_header_line(std::string_view line);
  bool read_new_header(std::string_view line);
  void read_folded_line(std::string_view line);
  void end_headers();
  void keep_header_line();

  bool fail(std::string_view why) {
    if (!out_.error.set) out_.error = {true, fmt::format("Multipart: {} (byte {})", why, at_)};
    return false;
  }

  const std::string_view body_;
  const BodyLimits& limits_;
  Arena& arena_;
  Multipart& out_;
  MultipartFlags& flags_;

  std::string_view delimiter_;  // "--" and the boundary
  std::uint16_t* fallback_ = nullptr;  // Knuth-Morris-Pratt: see prepare_search()
  std::size_t at_ = 0;          // begin of the line being read
  bool line_feed_before_ = false;  // the line before ended in LF alone
  std::size_t boundaries_ = 0;
  int unmatched_ = 0;  // libmodsecurity's MULTIPART_UNMATCHED_BOUNDARY
  bool complete_ = false;

  // The part being read.
  enum class Where { kNowhere, kHeaders, kData } where_ = Where::kNowhere;
  std::size_t data_begin_ = 0;
  bool data_seen_ = false;
  Disposition part_;
  std::size_t part_headers_begin_ = 0;
  std::array<std::string_view, kPartHeadersMax> header_names_;
  std::size_t header_count_ = 0;
  std::string_view disposition_;  // value of Content-Disposition, unfolded
  bool disposition_seen_ = false;

  // The header being read.
  std::string_view header_name_, header_line_;  // the line as rules see it: folded lines joined
  std::string_view header_value_;
  char* folded_ = nullptr;  // "name: value", in the arena, once a header is folded
  std::size_t folded_capacity_ = 0;
};

bool MultipartReader::read_content_type(std::string_view type) {
  constexpr std::string_view kMime = "multipart/form-data", kWord = "boundary";
  if (type.empty()) return fail("Content-Type header not available.");
  if (type.size() > kContentTypeBytesMax) return fail("Invalid boundary in C-T (length).");
  if (!same_header(type.substr(0, kMime.size()), kMime)) return fail("Invalid MIME type.");
  const auto parameters = boundary_parameters(type);
  if (parameters > 1) return fail("Multiple boundary parameters in C-T.");
  const auto word = type.find(kWord);
  if (word == std::string_view::npos) {
    return fail(parameters > 0 ? "Invalid boundary in C-T (case sensitivity)." : "Boundary not found in C-T.");
  }

  // Between the type and the word: white space, and one semicolon.
  bool semicolon = false;
  for (const char c : type.substr(kMime.size(), word - kMime.size())) {
    if (part_space(c)) continue;
    if (semicolon || c != ';') return fail("Invalid boundary in C-T (malformed).");
    semicolon = true;
  }
  flags_.semicolon_missing = !semicolon;

  const auto equals = type.find('=', word + kWord.size());
  if (equals == std::string_view::npos) return fail("Invalid boundary in C-T (malformed).");
  for (const char c : type.substr(word + kWord.size(), equals - word - kWord.size())) {
    if (!part_space(c)) return fail("Invalid boundary in C-T (parameter name).");
    flags_.boundary_whitespace = true;
  }
  auto boundary = type.substr(equals + 1);
  if (!boundary.empty() && part_space(boundary.front())) flags_.boundary_whitespace = true;

  if (boundary.size() >= 2 && boundary.front() == '"' && boundary.back() == '"') {
    boundary = boundary.substr(1, boundary.size() - 2);
    flags_.boundary_quoted = true;
  } else if (boundary.starts_with('"') || (boundary.size() >= 2 && boundary.back() == '"')) {
    return fail("Invalid boundary in C-T (quote).");
  }
  if (boundary_parameters(boundary) != 0) return fail("Invalid boundary in C-T (content).");
  // Some frameworks write "; charset=..." behind the boundary.
  if (!valid_boundary(boundary)) boundary = boundary.substr(0, boundary.find(';'));
  if (!valid_boundary(boundary)) return fail("Invalid boundary in C-T (characters).");
  // libmodsecurity does not look at such a body and does not say so; a server may read it all the same.
  if (boundary.empty()) return fail("Invalid boundary in C-T (empty).");

  char* const delimiter = arena_.take(2 + boundary.size());
  std::memcpy(delimiter, "--", 2);
  std::memcpy(delimiter + 2, boundary.data(), boundary.size());
  delimiter_ = {delimiter, 2 + boundary.size()};
  prepare_search();
  return true;
}

void MultipartReader::read_body() {
  bool stopped = false;
  while (at_ < body_.size() && !complete_ && !stopped) {
    const auto end = body_.find('\n', at_);
    if (end == std::string_view::npos) {
      read_tail(body_.substr(at_));
      break;
    }
    const auto line = body_.substr(at_, end + 1 - at_);
    stopped = !read_line(line);
    if (!stopped) at_ = end + 1;
    line_feed_before_ = !line.ends_with("\r\n");
  }
  if (complete_) {
    flags_.data_after = at_ < body_.size();
  } else if (!body_.empty()) {
    fail(boundaries_ > 0 ? "Final boundary missing." : "No boundaries found in payload.");
    // A part that was cut short: some servers take it as it is.
    if (where_ == Where::kData && !part_.name.empty()) end_part(stopped ? at_ : body_.size());
  }
  flags_.unmatched_boundary = unmatched_ == 1;
  flags_.crlf_lf_lines = flags_.crlf_line && flags_.lf_line;
}

// False: reading stops here.
bool MultipartReader::read_line(std::string_view line) {
  const auto kind = look_for_boundary(line);
  if (kind != Line::kOther) return kind == Line::kBoundary;
  switch (where_) {
    case Where::kNowhere: flags_.data_before = true; return true;
    case Where::kHeaders: return read_header_line(line);
    case Where::kData: data_seen_ = true; return true;
  }
  return false;
}

// The last line, without a line end: the final boundary or nothing of use.
void MultipartReader::read_tail(std::string_view tail) {
  if (boundaries_ == 0 || tail.size() != delimiter_.size() + 2 || !tail.starts_with(delimiter_) || !tail.ends_with("--")) return;
  if (line_feed_before_) flags_.lf_line = true;
  if (!data_seen_) flags_.invalid_part = true;
  end_part(at_);
  complete_ = true;
  at_ = body_.size();
}

MultipartReader::Line MultipartReader::look_for_boundary(std::string_view line) {
  if (!line.starts_with("--") || line.size() <= 3) {
    if (hides_boundary(line.substr(0, kHiddenBoundaryWithin))) unmatched_ = 1;
    return Line::kOther;
  }
  if (line.starts_with(delimiter_)) {
    if (line_feed_before_) flags_.lf_line = true;
    if (boundaries_ == 0 || data_seen_) return after_boundary(line.substr(delimiter_.size()));
    // Headers are not finished, or finished and not followed by as much as an empty line.
    flags_.invalid_part = true;
    return Line::kOther;
  }
  const auto boundary = delimiter_.substr(2);
  auto rest = line.substr(2);
  if (flags_.boundary_quoted && rest.starts_with('"') && rest.substr(1).starts_with(boundary)) {
    fail("Invalid boundary (quotes).");
    return Line::kStop;
  }
  while (!rest.empty() && part_space(rest.front())) rest.remove_prefix(1);
  if (rest.size() != line.size() - 2 && rest.starts_with(boundary)) {
    fail("Invalid boundary (whitespace).");
    return Line::kStop;
  }
  unmatched_ = 1;
  return Line::kOther;
}

MultipartReader::Line MultipartReader::after_boundary(std::string_view rest) {
  // A boundary that matches makes up for lines before it that only looked like one.
  if (boundaries_ > 0) unmatched_ = 2;
  const bool last = rest.starts_with("--");
  if (last) rest.remove_prefix(2);
  if (rest != "\r\n" && rest != "\n") {
    fail("Invalid boundary.");
    return Line::kStop;
  }
  (rest == "\n" ? flags_.lf_line : flags_.crlf_line) = true;
  if (where_ != Where::kNowhere) end_part(at_);
  ++boundaries_;
  if (last) {
    complete_ = true;
  } else {
    begin_part();
  }
  return Line::kBoundary;
}

// Whether "--boundary" is somewhere in the line.  A boundary of many dashes in a line of dashes would make a plain
// search quadratic.
bool MultipartReader::hides_boundary(std::string_view line) {
  std::size_t matched = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (matched == 0) {
      i = line.find('-', i);
      if (i == std::string_view::npos) return false;
    }
    while (matched > 0 && line[i] != delimiter_[matched]) matched = fallback_[matched - 1];
    if (line[i] == delimiter_[matched]) ++matched;
    if (matched == delimiter_.size()) return true;
  }
  return false;
}

// fallback_[i]: how much of the delimiter's beginning is also the end of its first i + 1 bytes.
void MultipartReader::prepare_search() {
  fallback_ = arena_.make_array<std::uint16_t>(delimiter_.size());
  std::size_t matched = 0;
  for (std::size_t i = 1; i < delimiter_.size(); ++i) {
    while (matched > 0 && delimiter_[i] != delimiter_[matched]) matched = fallback_[matched - 1];
    if (delimiter_[i] == delimiter_[matched]) ++matched;
    fallback_[i] = static_cast<std::uint16_t>(matched);
  }
}

void MultipartReader::begin_part() {
  where_ = Where::kHeaders;
  data_seen_ = false;
  part_ = {};
  part_headers_begin_ = out_.part_headers.size();
  header_count_ = 0;
  disposition_ = {};
  disposition_seen_ = false;
  header_name_ = header_line_ = header_value_ = {};
}

// `data_end`: begin of the boundary line; the line end before it belongs to the boundary.
void MultipartReader::end_part(std::size_t data_end) {
  for (auto i = part_headers_begin_; i < out_.part_headers.size(); ++i) out_.part_headers[i].name = part_.name;
  const bool has_data = where_ == Where::kData && data_end > data_begin_;
  const auto data = has_data ? without_line_end(body_.substr(data_begin_, data_end - data_begin_)) : std::string_view{};
  where_ = Where::kNowhere;
  if (part_.name.empty()) {
    flags_.invalid_part = true;
  } else if (part_.file_name.empty()) {
    if (out_.pairs.size() < limits_.arguments_max) {
      out_.pairs.push_back({part_.name, data});
    } else {
      fail(fmt::format("more than {} arguments.", limits_.arguments_max));
    }
  } else if (limits_.files_max == 0 || out_.files.size() < limits_.files_max) {
    out_.files.push_back({part_.name, part_.file_name, data.size(), data, part_.star_name != part_.file_name ? part_.star_name : std::string_view{}});
  } else {
    flags_.file_limit_exceeded = true;
    fail(fmt::format("Upload file limit exceeded {}. Use SecUploadFileLimit to change the limit.", limits_.files_max));
  }
}

// False: reading stops here.
bool MultipartReader::read_header_line(std::string_view line) {
  if (line.size() > kHeaderLineBytesMax) return fail(fmt::format("Part header line over {} bytes long", kHeaderLineBytesMax + 1));
  if (line.find('\0') != std::string_view::npos) {
    fail("Nul byte in part headers.");
    return true;
  }
  (line.ends_with("\r\n") ? flags_.crlf_line : flags_.lf_line) = true;
  if (line == "\r\n" || line == "\n") {
    end_headers();
  } else if (part_space(line.front())) {
    read_folded_line(line);
  } else {
    return read_new_header(line);
  }
  return true;
}

bool MultipartReader::read_new_header(std::string_view line) {
  keep_header_line();
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) {
    fail("Invalid part header (colon missing).");
    return true;
  }
  if (colon == 0) {
    fail("Invalid part header (header name missing).");
    return true;
  }
  const auto name = line.substr(0, colon);
  for (std::size_t i = 0; i < header_count_; ++i) {
    if (!same_header(header_names_[i], name)) continue;
    // libmodsecurity skips it silently, though servers differ in which of the two they take.
    fail("Duplicate part header.");
    return true;
  }
  if (header_count_ == kPartHeadersMax) return fail(fmt::format("More than {} headers in a part.", kPartHeadersMax));
  auto value = without_line_end(line.substr(colon + 1));
  while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
  while (value.ends_with('\r')) value.remove_suffix(1);
  header_names_[header_count_++] = name;
  header_name_ = name;
  header_value_ = value;
  header_line_ = without_line_end(line);
  folded_ = nullptr;
  if (same_header(name, "content-disposition")) {
    disposition_ = value;
    disposition_seen_ = true;
  }
  return true;
}

void MultipartReader::read_folded_line(std::string_view line) {
  flags_.header_folding = true;
  if (header_name_.empty()) {
    if (line.front() != ' ' && line.front() != '\t') flags_.invalid_header_folding = true;
    fail("Invalid part header (folding error).");
    return;
  }
  while (!line.empty() && part_space(line.front())) {
    // A line of nothing but white space counts its line end too, as it does in libmodsecurity.
    if (line.front() != ' ' && line.front() != '\t') flags_.invalid_header_folding = true;
    line.remove_prefix(1);
  }
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);

  if (header_value_.size() + 1 + line.size() > kFoldedValueBytesMax) {
    fail("Part header too long.");
    return;
  }
  // "name: value" grows by doubling, so that many short folds stay linear.
  const auto prefix = header_name_.size() + 2;
  const auto needed = prefix + header_value_.size() + 1 + line.size();
  if (folded_ == nullptr || needed > folded_capacity_) {
    folded_capacity_ = 2 * needed;
    char* const bigger = arena_.take(folded_capacity_);
    std::memcpy(bigger, header_name_.data(), header_name_.size());
    std::memcpy(bigger + header_name_.size(), ": ", 2);
    if (!header_value_.empty()) std::memcpy(bigger + prefix, header_value_.data(), header_value_.size());
    folded_ = bigger;
  }
  char* const end = folded_ + prefix + header_value_.size();
  *end = ' ';
  if (!line.empty()) std::memcpy(end + 1, line.data(), line.size());
  header_value_ = {folded_ + prefix, needed - prefix};
  header_line_ = {folded_, needed};
  if (same_header(header_name_, "content-disposition")) disposition_ = header_value_;
}

void MultipartReader::keep_header_line() {
  if (!header_line_.empty()) out_.part_headers.push_back({{}, header_line_});
  header_line_ = {};
}

// An empty line: what the part is called, and then its data.  libmodsecurity reads on as headers when something is wrong;
// here the data is taken as data, so that it is looked at.
void MultipartReader::end_headers() {
  keep_header_line();
  where_ = Where::kData;
  data_begin_ = at_ + (body_[at_] == '\r' ? 2 : 1);
  if (!disposition_seen_) {
    fail("Part missing Content-Disposition header.");
    return;
  }
  const auto code = parse_disposition(disposition_, arena_, part_);
  flags_.invalid_quoting |= part_.invalid_quoting;
  if (part_.name_seen) out_.last_name = part_.last_name;
  if (part_.file_name_seen) out_.last_file_name = part_.last_file_name;
  if (code != DispositionError::kNone) {
    fail(fmt::format("Invalid Content-Disposition header ({}).", static_cast<int>(code)));
  } else if (part_.name.empty()) {
    fail("Content-Disposition header missing name field.");
  } else if (!part_.file_name.empty() && disposition_.find("filename=") == std::string_view::npos) {
    // Servers that look for "filename=" would see a field where there is a file.
    fail("Invalid Content-Disposition header (filename).");
  }
}

}  // namespace

void parse_multipart(std::string_view content_type, std::string_view body, const BodyLimits& limits, Arena& arena, Multipart& out) {
  out.pairs.clear();
  out.files.clear();
  out.part_headers.clear();
  out.flags = {};
  out.last_name = out.last_file_name = {};
  out.error = {};
  MultipartReader reader(body, limits, arena, out);
  if (reader.read_content_type(content_type)) reader.read_body();
}

}  // namespace ringwall::waf

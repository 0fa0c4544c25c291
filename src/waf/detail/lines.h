// Physical to logical lines: one directive is one line, wherever its author broke it.
//
//   A '\' at the end of a line (blanks behind it are forgiven) joins the next line, whose indentation shrinks
//   to a blank. A '"' that is open joins the next line too, with the line's end kept; one that is never closed
//   is found out when a line inside it begins with a directive. A line that begins with '"' belongs to the one
//   before it (libmodsecurity lets actions stand so).
//   '#' begins a comment line.  One that comments out a SecRule or SecAction goes on with its '\', others do
//   not.
//
// Source: libmodsecurity 3.0.9 (its scanner), and Apache's reader where that one is silent.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::waf::seclang {

struct LineSpot {
  int line = 0, column = 0;  // both from 1
};

struct LogicalLine {
  std::string text;
  int line = 0;  // where it begins

  // Where the byte at `offset` stands in the file.
  LineSpot spot(std::size_t offset) const;

  struct Joint {
    std::size_t offset;
    LineSpot spot;
  };
  std::vector<Joint> joints;  // ascending; the first at 0
};

// What is wrong with the lines themselves: the place apart, since only the caller knows the file's name.
struct LineError {
  Errc code = Errc::kInvalid;
  LineSpot spot;
  std::string message, hint;
};

class LineReader {
 public:
  explicit LineReader(std::string_view text);
  // The next directive without its outer blanks; nullopt at the end or when error() is set.
  std::optional<LogicalLine> next();
  const std::optional<LineError>& error() const { return error_; }
  int line() const { return line_; }  // the last one read

 private:
  std::optional<LogicalLine> read_line();
  bool take(std::string_view& physical);
  bool skip_comment(std::string_view physical);

  std::string_view rest_;
  int line_ = 0;
  std::optional<LineError> error_;
};

}  // namespace ringwall::waf::seclang

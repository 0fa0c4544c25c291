// A line of text as a record: time, level, message, ids, status and duration lifted from the names people use, the rest
// as attributes.
//
//   json    pino, winston, bunyan, zap, logrus, python-json-logger, …: nested objects become a.b, lists stay JSON
//   logfmt  level=info msg="two words" took=12ms
//   nginx   the combined format;  common: the common log format of nginx and Apache
//   text    the line is the message; a level and an RFC 3339 time at its beginning are read
//   auto    json when it begins with '{', then combined or common, then logfmt with at least two pairs, then text
//
// Levels are names, pino's and bunyan's 10 to 60, or syslog's 0 to 7.  Trace ids are 32 hexadecimal digits under any of
// the known names, Datadog's decimal under its own, or inside traceparent.  A `service` or `version` of the line goes
// into a resource of its own, made after the current one.
//
// A line that is not what its format says is kept as text: nothing is lost for being odd.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/record.h"

namespace ringwall::collect {

enum class LineFormat { kAuto, kJson, kLogfmt, kNginx, kCommon, kText };
LineFormat line_format(std::string_view name);  // kAuto for an unknown name

inline constexpr std::size_t kLineResourcesMax = 64;  // of one batch; further services stay attributes

// Appends one record to `builder`, whose first resource describes the source.  `now_ns` is its time when the line has
// none.
void append_line(base::BatchBuilder& builder, std::string_view line, LineFormat format, std::int64_t now_ns);

}  // namespace ringwall::collect

// What the program tells its operator: one line on stderr per event, `name key=value …`, and nothing else.
//
//   log_event(Level::kInfo, "store.file_published", {{"rows", "120431"}, {"took_ms", "84"}});
//   2026-11-23T06:10:10.123Z info store.file_published rows=120431 took_ms=84
//
// Thread-safe.  A name is `<module>.<noun>_<past verb>` and stays the same across versions.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace ringwall::base {

enum class Level { kDebug, kInfo, kWarn, kError };

using LogFields = std::initializer_list<std::pair<std::string_view, std::string>>;
void log_event(Level level, std::string_view name, LogFields fields = {});

// Events below this level are not written; kInfo at first.
void set_log_level(Level level);

}  // namespace ringwall::base

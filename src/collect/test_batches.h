// Small batches for the tests of this module.
#pragma once

#include <string>
#include <string_view>

#include "base/record.h"

namespace ringwall::collect {

inline base::Batch log_batch(std::initializer_list<std::string_view> messages, base::Signal signal = base::Signal::kLog) {
  base::BatchBuilder builder(signal);
  builder.resource("shop", "test", "1", "here", "lab", "test");
  std::int64_t time_ns = 1'700'000'000'000'000'000;
  for (const auto message : messages) {
    builder.record(++time_ns, message);
    builder.attribute("word", message);
  }
  return builder.take();
}

// The messages, joined by a space.
inline std::string texts(const base::Batch& batch) {
  std::string out;
  for (const auto text : batch.text) out.append(out.empty() ? "" : " ").append(batch.view(text));
  return out;
}

}  // namespace ringwall::collect
